/** An inference server that the plugin serves. One file each; the registry lists them. */
export interface EngineDefinition {
  /** As written in `engines:` and after `--engine`. */
  readonly name: string;
  /** What the build leaves for it, in a few words. */
  readonly product: string;
  /** Python entry points of the wheel, one a group, through which the server finds its adapter. */
  readonly entryPoints: Readonly<Record<string, string>>;
}
