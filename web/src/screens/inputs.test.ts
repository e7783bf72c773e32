// What people paste.
import { describe, expect, it } from "vitest";
import { namesOf } from "./add";
import { tokenOf } from "./sign_in";

describe("names of a paste", () => {
  it.each([
    ["one", "example.com", ["example.com"]],
    ["a column with blanks and empty lines", " example.com \n\n shop.example\n", ["example.com", "shop.example"]],
    ["commas and semicolons", "a.example, b.example;c.example", ["a.example", "b.example", "c.example"]],
    ["the address of a page", "https://www.example.com/path?x=1#y", ["www.example.com"]],
    ["a mailbox", "someone@почта.рф", ["почта.рф"]],
    ["a final dot, capitals, a port", "Example.COM.\nexample.com:25", ["example.com"]],
    ["nothing", " \n ", []],
  ])("%s", (_, pasted, wanted) => {
    expect(namesOf(pasted)).toEqual(wanted);
  });
});

describe("token of a paste", () => {
  it.each([
    ["the whole link", "http://127.0.0.1:8080/sign-in?token=abc123", "abc123"],
    ["with more behind it", "http://h/sign-in?x=1&token=abc123&y=2#z", "abc123"],
    ["the bare token", " abc123\n", "abc123"],
  ])("%s", (_, pasted, wanted) => {
    expect(tokenOf(pasted)).toBe(wanted);
  });
});
