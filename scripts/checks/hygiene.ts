import type { TrackedFile } from "./tracked-files.ts";

/** What would tie the project to one developer's machine or to one package registry. */
const forbidden: readonly { readonly pattern: RegExp; readonly what: string }[] = [
  { pattern: /(?<![\w.])\/(home|Users|root|work|mnt|tmp)\/[\w.]+/, what: "an absolute path of a machine" },
  { pattern: /\b[A-Z]:\\Users\\/, what: "an absolute path of a machine" },
  { pattern: /\b(registry\.npmjs|registry\.yarnpkg|pypi|pythonhosted)\.(org|com)\b/, what: "a package registry host" },
  { pattern: /--(extra-)?index-url\b/, what: "a package registry option" },
];

/** One sentence for each line that names a developer's machine or a package registry. */
export function hygieneProblems(files: readonly TrackedFile[]): string[] {
  return files.flatMap(({ path, text }) =>
    text
      .split("\n")
      .flatMap((line, index) =>
        forbidden
          .filter(({ pattern }) => pattern.test(line))
          .map(({ pattern, what }) => `${path}:${index + 1}: ${what}: ${pattern.exec(line)?.[0]}`),
      ),
  );
}
