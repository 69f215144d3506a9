const INJECT = 'inject_image_metadata';
const KNOWN = ['no_op', INJECT];
/** Glance's own that Hallmark does not have. */
const UNSUPPORTED = ['image_conversion', 'image_decompression'];

export interface PluginReading {
  /** Whether an import injects at all. */
  readonly injects: boolean;
  readonly faults: readonly string[];
  readonly warnings: readonly string[];
}

/**
 * Understands `image_import_plugins`. Where nobody wrote it, injection is on as soon as there is
 * something to inject.
 */
export function readImportPlugins(plugins: readonly string[] | undefined, hasInject: boolean): PluginReading {
  if (!plugins) return { injects: hasInject, faults: [], warnings: [] };
  const faults = plugins
    .filter((plugin) => !KNOWN.includes(plugin))
    .map((plugin) => {
      if (UNSUPPORTED.includes(plugin)) return `"${plugin}" is Glance's; Hallmark does not have it`;
      return `there is no plugin "${plugin}"; there are ${KNOWN.join(' and ')}`;
    });
  const injects = plugins.includes(INJECT) && hasInject;
  const isForgotten = hasInject && !injects && faults.length === 0;
  return {
    injects,
    faults,
    warnings: isForgotten
      ? [
          `[inject_metadata_properties] inject is set, but ${INJECT} is not among image_import_plugins: nothing is injected`,
        ]
      : [],
  };
}
