// Writes src/api/schema.d.ts from ../api/openapi.json; with --check only says whether it is fresh.
import { readFile, writeFile } from "node:fs/promises";
import openapiTS, { astToString } from "openapi-typescript";

const source = new URL("../../api/openapi.json", import.meta.url);
const target = new URL("../src/api/schema.d.ts", import.meta.url);
const head = "// Generated from api/openapi.json by `npm run generate`. Change that file instead.\n\n";

const fresh = head + astToString(await openapiTS(source));
if (process.argv.includes("--check")) {
  const kept = await readFile(target, "utf8").catch(() => "");
  if (kept !== fresh) {
    console.error("src/api/schema.d.ts does not match api/openapi.json: run `npm run generate`");
    process.exit(1);
  }
} else {
  await writeFile(target, fresh);
}
