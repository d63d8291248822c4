import { expect, test } from "vitest";
import { uuid } from "./uuid";

const VERSION_4 = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

test("makes version 4 identifiers where randomUUID exists and over plain HTTP", () => {
  const plain = { getRandomValues: crypto.getRandomValues.bind(crypto) } as Crypto;

  expect(uuid()).toMatch(VERSION_4);
  expect(uuid(plain)).toMatch(VERSION_4);
  expect(uuid(plain)).not.toBe(uuid(plain));
});
