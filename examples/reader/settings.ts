// Which settings of a circle are in force (40-membership, Edition 2).

export interface Written {
  readonly values: readonly (readonly [number, number])[];
  readonly sees: ReadonlySet<number>; // which others of its author it has in its past
}

// The gentlest value, and the harshest.
const scales: ReadonlyMap<number, readonly [number, number]> = new Map([
  [1, [0, 1]], [2, [1440, 1]], [3, [2 ** 32 - 1, 1]], [4, [0, 2]],
]);

// How harsh an author's word about one setting is: of the newest that do not see each other, the gentlest.
function wordOf(entries: readonly Written[], setting: number): number | undefined {
  const [gentlest, harshest] = scales.get(setting)!;
  const range = Math.abs(harshest - gentlest);
  const said = new Map<number, number>();
  entries.forEach(({ values }, at) => {
    for (const [number, value] of values) {
      const harshness = harshest > gentlest ? value - gentlest : gentlest - value;
      if (number === setting && 0 <= harshness && harshness <= range) said.set(at, harshness);
    }
  });
  const newest = [...said].filter(([at]) => ![...said.keys()].some((later) => entries[later]!.sees.has(at)));
  return newest.length === 0 ? undefined : Math.min(...newest.map(([, harshness]) => harshness));
}

export function inForce(
  coordinators: readonly (readonly Written[])[], papers: readonly (readonly Written[])[],
): [number, number][] {
  const found: [number, number][] = [];
  for (const [setting, [gentlest, harshest]] of scales) {
    const isWord = (word: number | undefined): word is number => word !== undefined;
    const words = coordinators.map((entries) => wordOf(entries, setting)).filter(isWord).sort((a, b) => b - a);
    const agreed = words[coordinators.length === 1 ? 0 : 1];
    const reached = [agreed, ...papers.map((entries) => wordOf(entries, setting))].filter(isWord);
    if (reached.length === 0) continue;
    const harshness = Math.max(...reached);
    found.push([setting, harshest > gentlest ? gentlest + harshness : gentlest - harshness]);
  }
  return found;
}
