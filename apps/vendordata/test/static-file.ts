import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** The file of `StaticJSON`, in a directory of its own, and the ways in which it is replaced. */
export class StaticFile implements AsyncDisposable {
  readonly path: string;
  readonly #directory: string;
  #generation = 0;

  private constructor(directory: string) {
    this.#directory = directory;
    this.path = join(directory, 'vendordata.json');
  }

  static async create(content: string): Promise<StaticFile> {
    const file = await StaticFile.missing();
    await file.write(content);
    return file;
  }

  static async missing(): Promise<StaticFile> {
    return new StaticFile(await mkdtemp(join(tmpdir(), 'hallmark-static-')));
  }

  /** As Kubernetes mounts a ConfigMap: the file is a link through a link to a directory. */
  static async mounted(content: string): Promise<StaticFile> {
    const file = await StaticFile.missing();
    await file.swap(content);
    await symlink(join('..data', 'vendordata.json'), file.path);
    return file;
  }

  /** In place. */
  async write(content: string): Promise<void> {
    await writeFile(this.path, content);
  }

  /** By a new file that takes its name. */
  async replace(content: string): Promise<void> {
    const fresh = join(this.#directory, 'vendordata.json.new');
    await writeFile(fresh, content);
    await rename(fresh, this.path);
  }

  /** By a new directory to which the link is turned. */
  async swap(content: string): Promise<void> {
    const directory = `..generation-${++this.#generation}`;
    await mkdir(join(this.#directory, directory));
    await writeFile(join(this.#directory, directory, 'vendordata.json'), content);
    await symlink(directory, join(this.#directory, '..data_tmp'));
    await rename(join(this.#directory, '..data_tmp'), join(this.#directory, '..data'));
  }

  async remove(): Promise<void> {
    await rm(this.path);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.#directory, { recursive: true, force: true });
  }
}
