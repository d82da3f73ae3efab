/** Path (relative, `/`) to content; paths are unique and sorted on output. Rendering produces one, io writes it. */
export type FileSet = ReadonlyMap<string, string>;
