import { OPERATORS, type House } from './house.ts';
import { describeMarks, wordsOf } from './image-report.ts';
import { ImageUser, type Image, type ImageAnswer, type Imported } from './image-user.ts';
import { INJECT } from './marks.ts';
import { formatMs } from './report.ts';
import { TryOutFailure } from './try-out-failure.ts';

const MARK = 'trait:CUSTOM_USER_IMAGES';
/** With the marks one more than `image_property_quota`, 128, allows. */
const TOO_MANY = 126;

/** What an import injects, into whose images, and what users cannot do about it. */
export async function demonstrateImages(
  { keystoneUrl, constellation, user, operator }: House,
  alice: ImageUser,
  say: (text: string) => void,
): Promise<void> {
  const olga = await ImageUser.logIn(keystoneUrl, operator, OPERATORS, constellation.imageUrl);

  const hers = await alice.import('users-image');
  requireMarks(hers, true);
  const { injection: decision } = await olga.task(hers.taskId);
  const theirs = await olga.import('operators-image');
  requireMarks(theirs, false);
  const { injection: other } = await olga.task(theirs.taskId);
  const refused = await alice.replace(hers.image.id, MARK, 'forbidden');
  requireRefusal(refused);
  const own = Object.fromEntries(
    Array.from({ length: TOO_MANY }, (_, index) => [`own_${index}`, String(index)]),
  );
  const full = await alice.import('full-image', own);
  requireRetryable(full);

  say(`7. Imported images get the operator's marks: [inject_metadata_properties] inject = {"origin": …}
   ${user.username} creates, stages and imports an image (glance-direct).
   ${describeImport(hers)}
${describeMarks(hers.image, INJECT)}
   its task: ${decision?.rule ?? ''}

   ${operator.username}, an administrator, does the same.
   ${describeImport(theirs)}
${describeMarks(theirs.image, INJECT)}
   its task: ${other?.rule ?? ''}

   ${user.username} changes a mark of her image.
   PATCH /v2/images/…  ->  ${refused.status}: ${wordsOf(refused.text)}

   ${user.username} imports an image with ${TOO_MANY} properties of her own.
   ${describeImport(full)}
   ${full.message}
`);
}

const describeImport = ({ image, ms }: Imported): string =>
  `POST /v2/images/…/import  ->  202, ended after ${formatMs(ms)}, ${String(image['name'])} is ${image.status}`;

const isMarked = (image: Image): boolean =>
  Object.entries(INJECT).every(([name, value]) => image[name] === value);

function requireMarks({ image, message }: Imported, marked: boolean): void {
  const isRight = marked ? isMarked(image) : Object.keys(INJECT).every((name) => image[name] === undefined);
  if (image.status === 'active' && isRight) return;
  throw new TryOutFailure(
    `${String(image['name'])} is ${image.status}, its marks are not as they should be: ${message}`,
  );
}

function requireRefusal({ status, text }: ImageAnswer): void {
  if (status !== 403) throw new TryOutFailure(`The change of a mark was answered ${status}: ${text}`);
}

function requireRetryable({ image, message }: Imported): void {
  if (image.status === 'uploading' && !isMarked(image)) return;
  throw new TryOutFailure(`The image with too many properties is ${image.status}: ${message}`);
}
