// The examples of the interface, and the data of the development mock, are what the schemas say.
import Ajv from "ajv/dist/2020";
import addFormats from "ajv-formats";
import { describe, expect, it } from "vitest";
import spec from "../../../api/openapi.json";
import mock from "../../dev/mock-data.json";

interface Media {
  schema: object;
  example?: unknown;
  examples?: Record<string, object>;
}
type Content = Record<string, Media>;
interface Operation {
  requestBody?: { content: Content };
  responses: Record<string, object>;
}

const ajv = new Ajv({ strict: false, allErrors: true });
addFormats(ajv);
ajv.addSchema({ $id: "spec", ...spec });

function follow<T extends object>(node: object): T {
  if (!("$ref" in node)) return node as T;
  let at: unknown = spec;
  for (const part of String(node.$ref).slice(2).split("/")) at = (at as Record<string, unknown>)[part];
  return at as T;
}

function errors(schema: object, value: unknown): string[] {
  const validate = ajv.compile(JSON.parse(JSON.stringify(schema).replaceAll('"#/', '"spec#/')) as object);
  validate(value);
  return (validate.errors ?? []).map((e) => `${e.instancePath} ${e.message ?? ""}`);
}

function* examples(): Generator<[string, object, unknown]> {
  for (const [path, item] of Object.entries(spec.paths)) {
    for (const [method, operation] of Object.entries(item as Record<string, unknown>)) {
      if (method === "parameters") continue;
      const { requestBody, responses } = operation as Operation;
      const contents: [string, Content][] = requestBody ? [["request", requestBody.content]] : [];
      for (const [status, response] of Object.entries(responses)) contents.push([status, follow<{ content?: Content }>(response).content ?? {}]);
      for (const [part, content] of contents) {
        for (const [type, media] of Object.entries(content)) {
          if (!type.includes("json")) continue;
          if (media.example !== undefined) yield [`${method} ${path} ${part}`, media.schema, media.example];
          for (const [name, example] of Object.entries(media.examples ?? {})) yield [`${method} ${path} ${part} ${name}`, media.schema, follow<{ value: unknown }>(example).value];
        }
      }
    }
  }
}

describe("api/openapi.json", () => {
  const all = [...examples()];
  it("has examples", () => {
    expect(all.length).toBeGreaterThan(60);
  });
  it.each(all)("%s", (_, schema, value) => {
    expect(errors(schema, value)).toEqual([]);
  });
  it("the mock's data fits it", () => {
    for (const domain of mock.domains) expect(errors({ $ref: "#/components/schemas/DomainDetail" }, domain), domain.domain).toEqual([]);
    for (const summary of mock.summaries) expect(errors({ $ref: "#/components/schemas/ReportSummary" }, summary), summary.domain).toEqual([]);
    for (const report of mock.reports) expect(errors({ $ref: "#/components/schemas/ReportListItem" }, report), report.id).toEqual([]);
    expect(errors({ $ref: "#/components/schemas/Report" }, mock.report)).toEqual([]);
    expect(errors({ $ref: "#/components/schemas/Session" }, mock.session)).toEqual([]);
  });
});
