import { expect, test, vi } from "vitest";
import { admission, type Entry, nameInToken, tokenInFragment } from "./admission";
import type { RoomName } from "./room-name";

const ROOM = "bauamt" as RoomName;
const GUEST: Entry = { kind: "guest", identity: "g1" };

test("a trial server gives a token for room and name", async () => {
  const fetch = answer(200, { token: "t", url: "ws://x" });
  expect(await admission(GUEST, ROOM, "Anna")).toEqual({ kind: "token", token: "t" });
  expect(fetch).toHaveBeenCalledWith(
    "/api/v1/dev/token",
    expect.objectContaining({ method: "POST", body: '{"room":"bauamt","name":"Anna","identity":"g1"}' }),
  );
});

test("who has a personal link asks for nothing", async () => {
  const fetch = answer(500, {});
  expect(await admission({ kind: "token", token: "mine" }, ROOM, "Anna")).toEqual({
    kind: "token",
    token: "mine",
  });
  expect(fetch).not.toHaveBeenCalled();
});

test("a server in earnest asks for a personal link", async () => {
  answer(404, {});
  expect(await admission(GUEST, ROOM, "Anna")).toEqual({ kind: "none", reason: "tokenNeeded" });
});

test("a server that fails or is not there is told as unreachable", async () => {
  answer(503, {});
  expect(await admission(GUEST, ROOM, "Anna")).toEqual({ kind: "none", reason: "unreachable" });
  vi.stubGlobal("fetch", () => Promise.reject(new TypeError("network")));
  expect(await admission(GUEST, ROOM, "Anna")).toEqual({ kind: "none", reason: "unreachable" });
});

test("an answer without a token is a refusal", async () => {
  answer(200, { token: 7 });
  expect(await admission(GUEST, ROOM, "Anna")).toEqual({ kind: "none", reason: "refused" });
});

test("the token of a personal link is found in the fragment", () => {
  expect(tokenInFragment("#token=a.b.c")).toBe("a.b.c");
  expect(tokenInFragment("#other=1")).toBeNull();
});

test("a token tells its bearer's name, umlauts included, and nonsense tells none", () => {
  const claims = Buffer.from(JSON.stringify({ sub: "anna", name: "Änna Öz" })).toString("base64url");
  expect(nameInToken(`x.${claims}.y`)).toBe("Änna Öz");
  expect(nameInToken("nonsense")).toBeNull();
});

function answer(status: number, body: unknown) {
  const fetch = vi.fn(() => Promise.resolve(Response.json(body, { status })));
  vi.stubGlobal("fetch", fetch);
  return fetch;
}
