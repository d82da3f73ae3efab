/** Another project whose headers a unit may include. */
export type ExternalName = "tvmFfi" | "tensorRt";

/** How its includes begin, and where its headers lie in the folder a unit compiles in. */
export interface External {
  readonly name: ExternalName;
  readonly include: RegExp;
  /** Relative, because `__FILE__` reaches objects. */
  readonly folder: string;
}

export const externals: readonly External[] = [
  { name: "tvmFfi", include: /^tvm$/, folder: "third_party/tvm_ffi/include" },
  { name: "tensorRt", include: /^NvInfer\w*\.h$/, folder: "third_party/tensorrt/include" },
];

/** Those among the first segments of includes that lead out of this package. */
export function externalsOf(segments: ReadonlySet<string>): readonly External[] {
  return externals.filter(({ include }) => [...segments].some((segment) => include.test(segment)));
}
