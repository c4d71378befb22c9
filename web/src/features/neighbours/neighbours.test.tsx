import { act, render, screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { expect, test, vi } from "vitest";
import { CallContext } from "../../app/use-call";
import { Call } from "../../call/call";
import type { RoomName } from "../../call/room-name";
import type { Participant } from "../../call/state";
import { NeighboursSetting } from "./neighbours-setting";

test("a group that somebody is in can be chosen, and counts when applied", async () => {
  const { call } = show(person("me", { isLocal: true }), person("Anna", { neighbours: "Ratssaal" }));
  const sitAmong = vi.spyOn(call, "sitAmong").mockResolvedValue();
  await userEvent.selectOptions(screen.getByTestId("neighbours"), "Yes, in the room Ratssaal");
  expect(sitAmong).not.toHaveBeenCalled();
  await userEvent.click(screen.getByTestId("neighbours-apply"));
  expect(sitAmong).toHaveBeenCalledWith("Ratssaal");
});

test("a new group is named in a field that has a label", async () => {
  const { call } = show(person("me", { isLocal: true }));
  const sitAmong = vi.spyOn(call, "sitAmong").mockResolvedValue();
  await userEvent.selectOptions(screen.getByTestId("neighbours"), "Yes, in a room that I name");
  await userEvent.type(screen.getByLabelText("Name of the room you sit in"), "Bauamt{Enter}");
  expect(sitAmong).toHaveBeenCalledWith("Bauamt");
});

test("who sits with me is said", () => {
  const { become } = show(person("me", { isLocal: true }), person("Anna", { neighbours: "Ratssaal" }));
  expect(screen.getByRole("status").textContent).toBe("");
  become(
    person("me", { isLocal: true, neighbours: "Ratssaal" }),
    person("Anna", { neighbours: "Ratssaal" }),
    person("Bela", { neighbours: "Bauamt" }),
  );
  expect(screen.getByRole("status").textContent).toBe("With you in the room Ratssaal: Anna");
  expect(screen.getByTestId<HTMLSelectElement>("neighbours").value).toBe("Ratssaal");
});

test("whoever may not change it is not asked", () => {
  show(person("me", { isLocal: true, mayDescribeMyself: false }));
  expect(screen.queryByTestId("neighbours")).toBeNull();
});

function show(...participants: readonly Participant[]) {
  const call = new Call("bauamt" as RoomName, { kind: "guest", identity: "me" });
  call.store.dispatch({ type: "join-started" });
  call.store.dispatch({ type: "joined", participants });
  render(
    <CallContext value={call}>
      <NeighboursSetting />
    </CallContext>,
  );
  const become = (...next: readonly Participant[]) =>
    act(() => call.store.dispatch({ type: "participants-changed", participants: next }));
  return { call, become };
}

function person(name: string, more: Partial<Participant> = {}): Participant {
  return {
    identity: name,
    name,
    isLocal: false,
    isSpeaking: false,
    isMicrophoneOn: false,
    neighbours: "",
    mayDescribeMyself: true,
    camera: null,
    screen: null,
    protection: "none",
    isSigning: false,
    ...more,
  };
}
