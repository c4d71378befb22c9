// The first page: who you are and where you want to go.
import { type FormEvent, useState } from "react";
import { goToRoom } from "../../app/route";
import { rememberedName, rememberName } from "../../app/session";
import { keyInLink, randomKey } from "../../call/meeting-key";
import { parseRoomName, randomRoomName } from "../../call/room-name";
import type { TextKey } from "../../i18n/texts";
import { useText } from "../../i18n/use-text";
import { Button } from "../../ui/button";
import { Card } from "../../ui/card";
import { Checkbox } from "../../ui/checkbox";
import { Field } from "../../ui/field";
import styles from "./start.module.css";

type Problem = "start.room.missing" | "start.room.invalid";

export function Start() {
  const t = useText();
  const [name, setName] = useState(rememberedName);
  const [room, setRoom] = useState("");
  const [isEncrypted, setEncrypted] = useState(false);
  const [problem, setProblem] = useState<(TextKey & Problem) | null>(null);

  function join(event: FormEvent) {
    event.preventDefault();
    const parsed = parseRoomName(room);
    if (parsed === null) return setProblem(room.trim() === "" ? "start.room.missing" : "start.room.invalid");
    rememberName(name.trim());
    goToRoom(parsed, keyInLink(room));
  }

  function create() {
    rememberName(name.trim());
    goToRoom(randomRoomName(), isEncrypted ? randomKey() : null);
  }

  return (
    <Card title={t("start.title")}>
      <p className={styles.soft}>{t("start.lead")}</p>
      <form className={styles.form} onSubmit={join} noValidate>
        <Field
          label={t("start.name")}
          hint={t("start.name.hint")}
          autoComplete="name"
          maxLength={64}
          value={name}
          onChange={({ target }) => setName(target.value)}
        />
        <Field
          label={t("start.room")}
          hint={t("start.room.hint")}
          problem={problem && t(problem)}
          autoComplete="off"
          autoCapitalize="none"
          spellCheck={false}
          value={room}
          onChange={({ target }) => {
            setRoom(target.value);
            setProblem(null);
          }}
        />
        <Button type="submit" look="main">
          {t("start.join")}
        </Button>
      </form>
      <p className={styles.or}>{t("start.or")}</p>
      <div className={styles.form}>
        <Checkbox
          label={t("start.encrypted")}
          hint={t("start.encrypted.hint")}
          data-testid="encrypted"
          checked={isEncrypted}
          onChange={({ target }) => setEncrypted(target.checked)}
        />
        <Button data-testid="create" onClick={create}>
          {t("start.create")}
        </Button>
      </div>
      <p className={styles.soft}>{t("start.privacy")}</p>
    </Card>
  );
}
