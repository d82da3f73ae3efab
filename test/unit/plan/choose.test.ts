import { expect, test } from "vitest";
import { type Candidate, choose, type Preference } from "../../../generators/plan/choose.ts";
import type { UnionDownInstance } from "../../../generators/plan/types.ts";

const instance = (columns: number, stages: number): UnionDownInstance => ({
  family: "union_down",
  arch: "sm_90a",
  dtype: "bf16",
  hidden: 4096,
  experts: 1,
  tokens: 8,
  warps: 4,
  producers: 4,
  columns,
  chunk: 32,
  stages,
  matrixOp: "mma",
});
const legal = (columns: number, stages: number): Candidate<UnionDownInstance> => ({
  legal: true,
  instance: instance(columns, stages),
});
const illegal: Candidate<UnionDownInstance> = { legal: false, parameters: { columns: 7 }, reason: "Seven is odd." };

const wider: Preference<UnionDownInstance> = { score: (i) => i.columns, reason: () => "Narrower." };
const deeper: Preference<UnionDownInstance> = {
  score: (i) => i.stages,
  reason: (l, w) => `${l.stages} < ${w.stages}.`,
};
const merit = () => "Best.";

test("the first preference that tells two apart decides, and gives the reason", () => {
  const { instance: winner, verdicts } = choose(
    [legal(64, 4), illegal, legal(128, 2), legal(128, 3)],
    [wider, deeper],
    merit,
  );
  expect(winner).toEqual(instance(128, 3));
  expect(verdicts.map(({ verdict, reason }) => `${verdict}: ${reason}`)).toEqual([
    "rejected: Narrower.",
    "rejected: Seven is odd.",
    "rejected: 2 < 3.",
    "chosen: Best.",
  ]);
});

test("of two that no preference tells apart the first wins", () => {
  const { instance: winner, verdicts } = choose([legal(64, 3), legal(64, 2)], [wider], merit);
  expect(winner).toEqual(instance(64, 3));
  expect(verdicts.map(({ reason }) => reason)).toEqual(["Best.", "As good as the chosen one, considered later."]);
});

test("with nothing legal there is no winner, and every reason is kept", () => {
  expect(choose([illegal], [wider], merit)).toEqual({
    instance: undefined,
    verdicts: [{ parameters: { columns: 7 }, verdict: "rejected", reason: "Seven is odd." }],
  });
});
