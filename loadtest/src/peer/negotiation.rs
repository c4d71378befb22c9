//! Decides when to offer: one offer at a time, numbered from 1. Knows no session descriptions.

/// The state of offers and answers of one peer, who always is the offerer.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Negotiation {
    last_id: u32,
    unanswered: bool,
    wanted: bool,
}

impl Negotiation {
    /// The number of the offer inside the join request.
    pub(crate) const FIRST_ID: u32 = 1;

    /// The first offer is under way with the join request.
    pub(crate) fn joining() -> Self {
        Self {
            last_id: Self::FIRST_ID,
            unanswered: true,
            wanted: false,
        }
    }

    /// Asks for another offer.
    pub(crate) fn want(&mut self) {
        self.wanted = true;
    }

    /// The number for the next offer, if one is wanted and the last one is answered.
    pub(crate) fn next_offer(&mut self) -> Option<u32> {
        if !self.wanted || self.unanswered {
            return None;
        }
        self.wanted = false;
        self.unanswered = true;
        self.last_id += 1;
        Some(self.last_id)
    }

    /// Whatever was under way is lost with the signal connection: everything is offered again.
    pub(crate) fn begin_again(&mut self) {
        self.unanswered = false;
        self.wanted = true;
    }

    /// Whether an answer counts: it must be the first to the latest offer.
    pub(crate) fn accepts(&mut self, id: u32) -> bool {
        let accepted = self.unanswered && id == self.last_id;
        self.unanswered &= !accepted;
        accepted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_offered_before_the_join_is_answered() {
        let mut negotiation = Negotiation::joining();
        negotiation.want();
        assert_eq!(negotiation.next_offer(), None);
        assert!(negotiation.accepts(1));
        assert_eq!(negotiation.next_offer(), Some(2));
    }

    #[test]
    fn wishes_during_an_offer_become_one_further_offer() {
        let mut negotiation = Negotiation::joining();
        negotiation.accepts(1);
        negotiation.want();
        assert_eq!(negotiation.next_offer(), Some(2));
        negotiation.want();
        negotiation.want();
        assert_eq!(negotiation.next_offer(), None);
        negotiation.accepts(2);
        assert_eq!(negotiation.next_offer(), Some(3));
        negotiation.accepts(3);
        assert_eq!(negotiation.next_offer(), None);
    }

    #[test]
    fn an_offer_that_was_lost_is_made_again() {
        let mut negotiation = Negotiation::joining();
        negotiation.begin_again();
        assert_eq!(negotiation.next_offer(), Some(2));
        assert!(!negotiation.accepts(1));
    }

    #[test]
    fn late_and_repeated_answers_are_ignored() {
        let mut negotiation = Negotiation::joining();
        assert!(!negotiation.accepts(0));
        assert!(negotiation.accepts(1));
        assert!(!negotiation.accepts(1));
    }
}
