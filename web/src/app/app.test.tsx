import { render, screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { beforeEach, expect, test, vi } from "vitest";
import { App } from "./app";

const getUserMedia = vi.fn();

beforeEach(() => {
  sessionStorage.clear();
  history.replaceState(null, "", "/");
  vi.stubGlobal("isSecureContext", true);
  const mediaDevices = { getUserMedia, enumerateDevices: () => Promise.resolve([]) };
  Object.defineProperty(navigator, "mediaDevices", { value: mediaDevices, configurable: true });
  getUserMedia.mockReset();
});

test("name and room lead to the green room of that room", async () => {
  const user = userEvent.setup();
  render(<App />);
  await user.type(screen.getByLabelText("Your name"), "Anna");
  await user.type(screen.getByLabelText("Room"), "Bau Amt");
  await user.click(screen.getByRole("button", { name: "Join" }));
  expect(location.pathname).toBe("/r/Bau%20Amt");
  expect(screen.getByRole("heading", { level: 1 }).textContent).toBe("Ready to join");
  expect(screen.getByLabelText<HTMLInputElement>("Your name").value).toBe("Anna");
});

test("without a room the start page says what is missing", async () => {
  render(<App />);
  await userEvent.click(screen.getByRole("button", { name: "Join" }));
  expect(screen.getByLabelText("Room").getAttribute("aria-invalid")).toBe("true");
  expect(location.pathname).toBe("/");
});

test("a new meeting gets a room nobody can guess", async () => {
  render(<App />);
  await userEvent.click(screen.getByRole("button", { name: "New meeting" }));
  expect(location.pathname).toMatch(/^\/r\/[a-z2-9]{26}$/);
});

test("an encrypted meeting has a key in its link, behind the hash", async () => {
  render(<App />);
  await userEvent.click(screen.getByLabelText("End-to-end encrypted"));
  await userEvent.click(screen.getByRole("button", { name: "New meeting" }));
  expect(location.pathname).toMatch(/^\/r\/[a-z2-9]{26}$/);
  expect(location.hash).toMatch(/^#key=[a-z2-9]{26}$/);
});

test("a pasted link keeps its key", async () => {
  render(<App />);
  await userEvent.type(
    screen.getByLabelText("Room"),
    "https://saal.example/r/bauamt#key=abcdefghijklmnopqrst",
  );
  await userEvent.click(screen.getByRole("button", { name: "Join" }));
  expect(location.pathname + location.hash).toBe("/r/bauamt#key=abcdefghijklmnopqrst");
});

test("a damaged key leads into no meeting at all", async () => {
  history.replaceState(null, "", "/r/bauamt#key=abc");
  render(<App />);
  await userEvent.type(screen.getByLabelText("Your name"), "Anna");
  await userEvent.click(screen.getByTestId("join"));
  expect((await screen.findByTestId("ended")).dataset["reason"]).toBe("keyDamaged");
});

test("choosing a language changes the page at once", async () => {
  render(<App />);
  await userEvent.selectOptions(screen.getByLabelText("Language"), "de");
  expect(screen.getByRole("button", { name: "Beitreten" })).toBeTruthy();
  expect(document.documentElement.lang).toBe("de");
});

test("no device is asked for before the person turns it on", async () => {
  history.replaceState(null, "", "/r/bauamt");
  render(<App />);
  expect(getUserMedia).not.toHaveBeenCalled();
  getUserMedia.mockRejectedValue(new DOMException("Permission denied", "NotAllowedError"));
  await userEvent.click(screen.getByRole("button", { name: "Turn on camera" }));
  expect(getUserMedia).toHaveBeenCalledTimes(1);
  const alert = await screen.findByRole("alert");
  expect(alert.textContent).toContain("You have denied this page the access.");
});

test("a token leaves the address and gives the name", () => {
  const claims = Buffer.from(JSON.stringify({ sub: "anna", name: "Anna" })).toString("base64url");
  history.replaceState(null, "", `/r/bauamt#token=x.${claims}.y`);
  render(<App />);
  expect(location.hash).toBe("");
  expect(screen.getByText("You join as Anna.")).toBeTruthy();
});

test("the key of the meeting stays in the address when the token leaves it", () => {
  history.replaceState(null, "", "/r/bauamt#token=x.y.z&key=abcdefghijklmnopqrst");
  render(<App />);
  expect(location.hash).toBe("#key=abcdefghijklmnopqrst");
});

test("without a token, a server in earnest explains that a personal link is needed", async () => {
  vi.stubGlobal("fetch", () => Promise.resolve(new Response(null, { status: 404 })));
  history.replaceState(null, "", "/r/bauamt");
  render(<App />);
  await userEvent.type(screen.getByLabelText("Your name"), "Anna");
  await userEvent.click(screen.getByTestId("join"));
  expect((await screen.findByTestId("ended")).dataset["reason"]).toBe("tokenNeeded");
});
