// The two catalogues say the same things, say nothing that nobody shows, and keep the house's typography.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import spec from "../../../api/openapi.json";
import en from "../../../messages/en.json";
import ru from "../../../messages/ru.json";
import { resultTypes } from "../parts/sessions";

const src = join(__dirname, "..");

function flatten(tree: object, prefix = ""): Map<string, string> {
  const flat = new Map<string, string>();
  for (const [key, value] of Object.entries(tree)) {
    if (typeof value === "string") flat.set(prefix + key, value);
    else for (const [k, v] of flatten(value as object, `${prefix}${key}.`)) flat.set(k, v);
  }
  return flat;
}

const plural = /_(one|few|many|other)$/;
const base = (keys: Iterable<string>) => new Set([...keys].map((key) => key.replace(plural, "")));
const slots = (text: string) => [...text.matchAll(/\{\{(\w+)\}\}/g)].map((m) => m[1] ?? "").sort();

const english = flatten(en);
const russian = flatten(ru);
const used_by_panel = [...english.keys()].filter((key) => ["panel", "words", "result", "reason", "finding", "alert", "problem"].includes(key.split(".")[0] ?? ""));

function sources(): string {
  return readdirSync(src, { recursive: true, encoding: "utf8" })
    .filter((file) => /\.tsx?$/.test(file) && !file.endsWith(".test.ts") && !file.endsWith("schema.d.ts"))
    .map((file) => readFileSync(join(src, file), "utf8"))
    .join("\n");
}

/** Keys written out in the sources, and patterns for those put together with `${…}`. */
function uses(text: string): { literal: Set<string>; pattern: RegExp[] } {
  const literal = new Set<string>();
  const pattern: RegExp[] = [];
  for (const [, quoted, template] of text.matchAll(/"((?:panel|words|result|reason|finding|alert|problem)\.[\w.-]+)"|`((?:panel|words|result|reason|finding|alert|problem)\.[^`]+)`/g)) {
    if (quoted !== undefined) literal.add(quoted);
    if (template !== undefined) pattern.push(new RegExp(`^${template.replaceAll(".", "\\.").replaceAll(/\$\{(?:[^{}]|\{[^}]*\})*\}/g, "[\\w-]+")}$`));
  }
  return { literal, pattern };
}

describe("catalogues", () => {
  it("have the same keys", () => {
    expect([...base(russian.keys())].sort()).toEqual([...base(english.keys())].sort());
  });

  it("have every plural form of their language", () => {
    const forms = (flat: Map<string, string>, wanted: string[]) =>
      [...base([...flat.keys()].filter((key) => plural.test(key)))].flatMap((key) => wanted.filter((form) => !flat.has(`${key}_${form}`)).map((form) => `${key}_${form}`));
    expect(forms(english, ["one", "other"])).toEqual([]);
    expect(forms(russian, ["one", "few", "many", "other"])).toEqual([]);
  });

  it("fill the same slots", () => {
    const wrong = [...russian].filter(([key, text]) => {
      const twin = english.get(key) ?? english.get(key.replace(plural, "_other"));
      // "One more day" may leave the number out.
      return key.endsWith("_one") ? false : twin === undefined || slots(twin).join() !== slots(text).join();
    });
    expect(wrong).toEqual([]);
  });

  it("have no key that nothing shows, and miss none that something asks for", () => {
    const { literal, pattern } = uses(sources());
    const keys = base(used_by_panel);
    expect([...keys].filter((key) => !literal.has(key) && !pattern.some((p) => p.test(key)))).toEqual([]);
    expect([...literal].filter((key) => !keys.has(key))).toEqual([]);
  });

  it("have a text for every word of the interface", () => {
    const schemas = spec.components.schemas;
    const wanted = [
      ...schemas.State.enum.map((s) => `words.state.${s}`),
      ...schemas.Mode.enum.map((s) => `words.mode_meaning.${s}`),
      ...schemas.Trust.enum.flatMap((s) => [`words.trust.${s}`, `words.trust_meaning.${s}`]),
      ...schemas.SenderKind.enum.map((s) => `words.sender_kind.${s}`),
      ...schemas.Record.properties.problem_code.enum.filter((s) => s !== null).map((s) => `finding.record.${s}`),
      ...schemas.Mx.properties.problem_code.enum.filter((s) => s !== null).map((s) => `finding.mx.${s}`),
      ...schemas.Condition.properties.id.enum.map((s) => `finding.condition.${s}.title`),
      ...schemas.Severity.enum.map((s) => `words.severity.${s}`),
      ...schemas.Alert.properties.kind.enum.flatMap((s) => [`alert.${s}.title`, `alert.${s}.means`, `alert.${s}.action`]),
      ...schemas.ProgressStep.properties.step.enum.map((s) => `panel.progress.step.${s}`),
      // Both are listed in prose, as words that more may be added to.
      ...(schemas.Attention.properties.code.description.match(/[a-z]+(?:-[a-z]+)+/g) ?? []).flatMap((s) => [`finding.attention.${s}.short`, `finding.attention.${s}.long`]),
      ...(/Codes: (.*)\./.exec(schemas.Problem.description)?.[1]?.split(", ") ?? []).map((s) => `problem.${s}`),
      ...schemas.Urgency.enum.map((s) => `words.urgency.${s}`),
      ...schemas.Explanation.enum.flatMap((s) => ["title", "cause", "action"].map((part) => `reason.${s}.${part}`)),
      ...resultTypes.flatMap((s) => ["title", "cause", "meaning", "action"].map((part) => `result.${s}.${part}`)),
    ];
    expect(wanted.length).toBeGreaterThan(90);
    expect(wanted.filter((key) => !english.has(key) || !russian.has(key))).toEqual([]);
  });

  it("speak calmly", () => {
    for (const flat of [english, russian]) {
      const wrong = [...flat].filter(([, text]) => /!|please|successfully|пожалуйста/i.test(text));
      expect(wrong).toEqual([]);
    }
  });

  it("keep Russian typography: guillemets, lower-case «вы», no short word left at a line's end", () => {
    const wrong = [...russian].filter(([, text]) => /["“”]|(?<!^|[.?:…] )Вы\b/.test(text) || /(?<![\p{L}\p{N}-])(?:в|к|с|у|о|и|а|на|не|ни|по|за|из|от|до|ко|со) /iu.test(text));
    expect(wrong).toEqual([]);
  });

  it("keep the protocol's words in Latin between backticks", () => {
    const wrong = [...russian].filter(([, text]) => /(?<!`)\b(?:testing|enforce)\b(?!`)/.test(text));
    expect(wrong).toEqual([]);
  });
});
