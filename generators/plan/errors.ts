import { TurboSparseError } from "../errors.ts";
import type { Choice } from "./choose.ts";
import { instanceName } from "./names.ts";
import type { Need } from "./needs.ts";
import type { KernelInstance } from "./types.ts";

/** A configuration that no kernel can be built for. Codes TS3000 to TS3099. */
export function unplannable(code: string, message: string, hint: string): TurboSparseError {
  return new TurboSparseError({ code, exit: "usage", message, hint });
}

export function noCandidate(need: Need, choice: Choice<KernelInstance>): TurboSparseError {
  const reasons = [...new Set(choice.verdicts.map(({ reason }) => reason))];
  return unplannable(
    "TS3005",
    `No configuration of ${instanceName(need.key)} fits, which ${need.models.join(", ")} needs: ${reasons.at(-1)}`,
    `Leave ${need.key.arch} out, or lower tokens.max so that smaller tiles serve every call.`,
  );
}
