// After the build: a .gz beside each text file, so that the server sends it without compressing anything itself,
// and the budget of the first screen (ui.md: at most 250 KB compressed, everything that /, signed in, loads).
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join, extname } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync, constants } from "node:zlib";

const dist = fileURLToPath(new URL("../dist", import.meta.url));
const budget_bytes = 250 * 1024;
const sizes = new Map();

for (const entry of await readdir(dist, { recursive: true, withFileTypes: true })) {
  if (!entry.isFile() || ![".js", ".css", ".html", ".svg", ".json"].includes(extname(entry.name))) continue;
  const path = join(entry.parentPath ?? entry.path, entry.name);
  const packed = gzipSync(await readFile(path), { level: constants.Z_BEST_COMPRESSION });
  await writeFile(`${path}.gz`, packed);
  sizes.set(path.slice(dist.length + 1), packed.length);
}

// What the first screen loads: index.html, all that it names, and the larger of the two catalogues.
const html = await readFile(join(dist, "index.html"), "utf8");
const named = [...html.matchAll(/(?:src|href)="\/([^"]+)"/g)].map((m) => m[1]);
const catalogues = [...sizes].filter(([name]) => /assets\/(en|ru)-/.test(name)).map(([, size]) => size);
const first = ["index.html", ...named].reduce((sum, name) => sum + (sizes.get(name) ?? 0), 0) + Math.max(0, ...catalogues);

const kb = (n) => (n / 1024).toFixed(1);
console.log(`first screen: ${kb(first)} KB compressed (must be <= ${kb(budget_bytes)})`);
if (first > budget_bytes) process.exit(1);
