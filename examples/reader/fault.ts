// At fault: bytes that break a rule of protocol/05-rules.md.

export class Fault extends Error {
  constructor(readonly rule: string, readonly result?: object) {
    super(rule);
  }
}

export function holds(condition: boolean, rule: string): asserts condition {
  if (!condition) throw new Fault(rule);
}
