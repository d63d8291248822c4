import { expect, test } from "vitest";
import { assigned } from "./LabelGroups";

const milk = { code: "milk", name: "Milk", labels: ["oat", "soy"] };

test("a label that is no longer ticked leaves its group", () => {
  expect(assigned(milk, new Set(["oat", "rice"]), "Any milk")).toEqual({
    oat: "Any milk",
    rice: "Any milk",
    soy: "",
  });
});

test("a new group takes what was ticked and touches no other label", () => {
  expect(assigned(null, new Set(["oat"]), "Milk")).toEqual({ oat: "Milk" });
});
