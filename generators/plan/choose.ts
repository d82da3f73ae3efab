import type { Decision, KernelInstance } from "./types.ts";

/** A configuration that the shape and the architecture allow, or what they do not allow and why. */
export type Candidate<I> =
  | { readonly legal: true; readonly instance: I }
  | { readonly legal: false; readonly parameters: Decision["parameters"]; readonly reason: string };

/** One criterion among legal configurations; the first that tells two apart decides. */
export interface Preference<I> {
  /** Higher is better. */
  score(instance: I): number;
  /** Why `loser` is not chosen, as a sentence. */
  reason(loser: I, winner: I): string;
}

/** A decision before it is known which models it serves. */
export type Verdict = Pick<Decision, "parameters" | "verdict" | "reason">;

export interface Choice<I> {
  /** Undefined when no candidate is legal. */
  readonly instance: I | undefined;
  readonly verdicts: readonly Verdict[];
}

/** The fields of an instance that a decision does not state elsewhere. */
function parametersOf(instance: KernelInstance): Decision["parameters"] {
  const { family: _family, arch: _arch, ...parameters } = instance;
  return parameters;
}

/**
 * Takes the best legal candidate and gives every other one the reason that it is not the best. Of two that no
 * preference tells apart, the one enumerated first wins.
 */
export function choose<I extends KernelInstance>(
  candidates: Iterable<Candidate<I>>,
  preferences: readonly Preference<I>[],
  merit: (winner: I) => string,
): Choice<I> {
  const considered = [...candidates];
  const deciding = (a: I, b: I) => preferences.find((preference) => preference.score(a) !== preference.score(b));
  let winner: I | undefined;
  for (const candidate of considered) {
    if (!candidate.legal) continue;
    const preference = winner && deciding(candidate.instance, winner);
    if (!winner || (preference && preference.score(candidate.instance) > preference.score(winner))) {
      winner = candidate.instance;
    }
  }
  const verdictOf = (candidate: Candidate<I>): Verdict => {
    if (!candidate.legal) return { parameters: candidate.parameters, verdict: "rejected", reason: candidate.reason };
    const { instance } = candidate;
    const parameters = parametersOf(instance);
    if (!winner || instance === winner) return { parameters, verdict: "chosen", reason: merit(instance) };
    const reason =
      deciding(instance, winner)?.reason(instance, winner) ?? "As good as the chosen one, considered later.";
    return { parameters, verdict: "rejected", reason };
  };
  return { instance: winner, verdicts: considered.map(verdictOf) };
}
