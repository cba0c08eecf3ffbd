// What is drawn in the look of a rule's family: made when the family is first shown, cleared when another one is.

/**
 * @template {Record<string, {clear: () => void}>} T
 * @param {(family: string) => T} make lines and marks of one family
 * @returns {(family: string) => T} those of the family now shown; the others are cleared
 */
export function perFamily(make) {
  /** @type {Map<string, T>} */
  const made = new Map();
  return (family) => {
    const mine = made.get(family) ?? make(family);
    made.set(family, mine);
    for (const [other, parts] of made)
      if (other !== family) for (const part of Object.values(parts)) part.clear();
    return mine;
  };
}
