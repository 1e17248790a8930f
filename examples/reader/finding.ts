// What is wrong with a header (70-vault, Errors of a header).

export class VaultError extends Error {
  constructor(readonly code: string) {
    super(code);
  }
}

export function sound(condition: boolean, code: string): asserts condition {
  if (!condition) throw new VaultError(code);
}
