/** Nova's `img_hv_requested_version`: conditions with commas between, such as `>=6.0, <8`. */
export function hypervisorFits(version: string, predicate: string): boolean {
  return predicate.split(',').every((condition) => {
    const [, operator = '', wanted] = /^\s*(<=|>=|<|>|==|!=)\s*(\d+(?:\.\d+)*)\s*$/.exec(condition) ?? [];
    if (wanted === undefined) return false;
    const order = compareVersions(version, wanted);
    switch (operator) {
      case '<':
        return order < 0;
      case '<=':
        return order <= 0;
      case '>':
        return order > 0;
      case '>=':
        return order >= 0;
      case '==':
        return order === 0;
      default:
        return order !== 0;
    }
  });
}

function compareVersions(a: string, b: string): number {
  const left = a.split('.').map(Number);
  const right = b.split('.').map(Number);
  for (let index = 0; index < Math.max(left.length, right.length); index++) {
    const difference = (left[index] ?? 0) - (right[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
