import { buffer } from "node:stream/consumers";
import yauzl from "yauzl";
import yazl from "yazl";

/** Path to bytes. */
export type Files = ReadonlyMap<string, Uint8Array>;

/** A zip archive with the files in the given order and nothing that depends on when or where it was written. */
export async function writeZip(files: Files): Promise<Uint8Array> {
  const zip = new yazl.ZipFile();
  // Zip keeps local time without a zone, so local midnight gives the same bytes in every zone. Its years begin with
  // 1980; the first day of all is left alone because yazl compares with it in the zone it was loaded in.
  const mtime = new Date(1981, 0, 1);
  for (const [path, bytes] of files) {
    const content = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    zip.addBuffer(content, path, { mtime, mode: 0o100644, forceDosTimestamp: true });
  }
  zip.end();
  return buffer(zip.outputStream);
}

/** All files of a zip archive. Rejects with an `Error` for what is damaged, listed twice or outside the archive. */
export function readZip(bytes: Uint8Array): Promise<Map<string, Uint8Array>> {
  const content = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return new Promise((resolve, reject) => {
    yauzl.fromBuffer(content, { lazyEntries: true }, (error, zip) => {
      if (error) {
        reject(error);
        return;
      }
      const files = new Map<string, Uint8Array>();
      zip.on("error", reject);
      zip.on("end", () => resolve(files));
      zip.on("entry", (entry) => {
        if (files.has(entry.fileName)) {
          reject(new Error(`${entry.fileName} is in it twice`));
          return;
        }
        readEntry(zip, entry).then((data) => {
          files.set(entry.fileName, data);
          zip.readEntry();
        }, reject);
      });
      zip.readEntry();
    });
  });
}

function readEntry(zip: yauzl.ZipFile, entry: yauzl.Entry): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    zip.openReadStream(entry, (error, stream) => {
      if (error) reject(error);
      else buffer(stream).then(resolve, reject);
    });
  });
}
