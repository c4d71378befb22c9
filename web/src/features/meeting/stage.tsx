// Arranges the pictures: a shared screen takes the stage with the people beside it, else all are equal.
import { useMeeting } from "../../app/use-call";
import { useText } from "../../i18n/use-text";
import { Tile } from "../tile/tile";
import { PeopleGrid } from "./people-grid";
import styles from "./stage.module.css";

export function Stage() {
  const t = useText();
  const participants = useMeeting((meeting) => meeting.participants);
  // Somebody else's screen first: one's own is in view anyway.
  const sharing = participants.filter((participant) => participant.screen !== null);
  const sharer = sharing.find((participant) => !participant.isLocal) ?? sharing[0];
  return (
    <div className={styles.stage} data-shared={sharer !== undefined}>
      {sharer !== undefined && (
        <section className={styles.screen} aria-label={t("meeting.stage")}>
          <Tile participant={sharer} source="screen" />
        </section>
      )}
      <PeopleGrid />
    </div>
  );
}
