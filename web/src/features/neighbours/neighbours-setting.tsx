// The same during the meeting: takes effect when the person says so, and names who sits with them.
import { type FormEvent, useState } from "react";
import { useCall, useMeeting } from "../../app/use-call";
import { groupsIn } from "../../call/neighbours";
import { useText } from "../../i18n/use-text";
import { Button } from "../../ui/button";
import styles from "./neighbours.module.css";
import { NeighboursPicker } from "./neighbours-picker";

export function NeighboursSetting() {
  const t = useText();
  const call = useCall();
  const people = useMeeting((meeting) => meeting.participants);
  const me = people.find((person) => person.isLocal);
  const own = me?.neighbours ?? "";
  /** What was chosen and not applied yet; without it, what is. */
  const [draft, setDraft] = useState<string | null>(null);
  const chosen = draft ?? own;
  if (me?.mayDescribeMyself === false) return null;
  const beside = people.filter((person) => !person.isLocal && own !== "" && person.neighbours === own);

  function apply(event: FormEvent) {
    event.preventDefault();
    void call.sitAmong(chosen);
    setDraft(null);
  }

  return (
    <form className={styles.setting} onSubmit={apply}>
      <NeighboursPicker key={own} group={chosen} groups={groupsIn(people)} onChange={setDraft} />
      {chosen.trim() !== own && (
        <Button type="submit" data-testid="neighbours-apply">
          {t("neighbours.apply")}
        </Button>
      )}
      <p className={styles.hint} role="status" data-testid="neighbours-state" data-group={own}>
        {own !== "" && beside.length === 0 && t("neighbours.alone", { name: own })}
        {beside.length > 0 &&
          t("neighbours.with", { name: own, people: beside.map((person) => person.name).join(", ") })}
      </p>
    </form>
  );
}
