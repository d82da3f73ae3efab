import { type Choice, choose } from "../choose.ts";
import type { SupportKey } from "../names.ts";
import type { SupportInstance } from "../types.ts";

/** Nothing to tune: the sum of partial outputs and the packing of masks depend on the element type only. */
export function chooseSupport(key: SupportKey): Choice<SupportInstance> {
  return choose([{ legal: true, instance: key }], [], () => "One unit serves every shape of this element type.");
}
