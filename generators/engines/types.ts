/** A library that a build can link. Engines of one library share the package that holds it. */
export type LibraryName = "python" | "tensorrt" | "cpp";

/** What uses the kernels: an inference server, or a program of the user's own. One file each; the registry lists them. */
export interface EngineDefinition {
  /** As written in `engines:` and after `--engine`. */
  readonly name: string;
  /** What the build leaves for it, in a few words. */
  readonly product: string;
  readonly library: LibraryName;
  /** Python entry points of the wheel, one a group, through which the server finds its adapter. */
  readonly entryPoints: Readonly<Record<string, string>>;
}
