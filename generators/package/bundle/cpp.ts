import { reachable } from "../../compile/includes.ts";
import type { FileSet } from "../../render/types.ts";
import type { PackageInputs } from "../inputs.ts";

/** The operators' interface, whose headers a program includes. */
const interfaceHeader = "kernels/include/turbosparse/operators.h";

/** What a program needs beside the libraries: the headers, the CMake package and an example that uses them. */
export function cppFiles({ kernels, bundles }: PackageInputs): FileSet {
  const headers = [...reachable(interfaceHeader, kernels).files].map(
    ([path, text]) => [path.replace(/^kernels\//, ""), text] as const,
  );
  const shipped = [...bundles].map(([path, text]) => [path.replace(/^bundles\/cpp\//, ""), text] as const);
  return new Map([...headers, ...shipped]);
}
