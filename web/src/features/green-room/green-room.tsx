// Before the meeting: see yourself, choose devices, and join. Everything is off until turned on.
import { type FormEvent, useState } from "react";
import { rememberedName, rememberName } from "../../app/session";
import { useCall, useCallState } from "../../app/use-call";
import { useText } from "../../i18n/use-text";
import { Button } from "../../ui/button";
import { Card } from "../../ui/card";
import { Field } from "../../ui/field";
import { BlockedNote } from "../devices/blocked-note";
import { DevicePickers } from "../devices/device-pickers";
import { DeviceSwitch } from "../devices/device-switch";
import { Level } from "../devices/level";
import { NeighboursPicker } from "../neighbours/neighbours-picker";
import styles from "./green-room.module.css";
import { Preview } from "./preview";

export function GreenRoom({ givenName }: { givenName: string | null }) {
  const t = useText();
  const call = useCall();
  return (
    <Card title={t("green.title")} isWide>
      <p className={styles.room}>{t("green.room", { room: call.room })}</p>
      <div className={styles.columns}>
        <div className={styles.look}>
          <Preview />
          <div className={styles.switches}>
            <DeviceSwitch kind="microphone" />
            <DeviceSwitch kind="camera" />
          </div>
          <Level />
        </div>
        <div className={styles.settings}>
          <JoinForm givenName={givenName} />
          <BlockedNote kind="microphone" />
          <BlockedNote kind="camera" />
          <h2>{t("green.devices")}</h2>
          <DevicePickers />
        </div>
      </div>
    </Card>
  );
}

/** Who is in the meeting is seen only by those who are. */
const NO_GROUPS: readonly string[] = [];

function JoinForm({ givenName }: { givenName: string | null }) {
  const t = useText();
  const call = useCall();
  const isHeard = useCallState((state) => state.devices.microphone.state === "on");
  const [name, setName] = useState(givenName ?? rememberedName());
  const [isMissing, setMissing] = useState(false);
  const [neighbours, setNeighbours] = useState("");

  function join(event: FormEvent) {
    event.preventDefault();
    const trimmed = name.trim();
    if (trimmed === "") return setMissing(true);
    if (givenName === null) rememberName(trimmed);
    void call.join(trimmed, neighbours);
  }

  return (
    <form className={styles.join} onSubmit={join} noValidate>
      {givenName === null ? (
        <Field
          label={t("start.name")}
          hint={t("start.name.hint")}
          problem={isMissing ? t("start.name.missing") : null}
          autoComplete="name"
          maxLength={64}
          value={name}
          onChange={({ target }) => {
            setName(target.value);
            setMissing(false);
          }}
        />
      ) : (
        <p>{t("green.as", { name: givenName })}</p>
      )}
      <NeighboursPicker group={neighbours} groups={NO_GROUPS} onChange={setNeighbours} />
      <Button type="submit" look="main" data-testid="join">
        {isHeard ? t("green.join") : t("green.join.muted")}
      </Button>
    </form>
  );
}
