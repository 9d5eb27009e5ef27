//! A second operator: the leader is paused right before a write, another one leads, and the first wakes up again.

use super::super::edits::Edit;
use super::super::scenarios::{applied, settled, spec};
use super::stories;

stories! {
    a_paused_predecessor_does_no_harm_to_a_create: 10_000, [PublishKey, AbandonAttempt]
        = applied(spec()).faults(1).pauses(1).minutes(1).waits(1);

    a_paused_predecessor_does_no_harm_to_a_reset: 1_200, [PublishKey, FenceSecret]
        = settled(spec()).faults(1).pauses(1).waits(1).edits(&[Edit::Trigger]);

    a_paused_predecessor_does_no_harm_to_a_replacement: 1_700, [PublishKey, FenceSecret, RecordRetirement]
        = settled(spec().replacing()).faults(1).pauses(1).waits(1).edits(&[Edit::Trigger]);

    a_paused_predecessor_does_no_harm_to_a_take_over: 1_200, [FenceSecret, RecordTakeOver]
        = settled(spec()).pauses(1).waits(1).edits(&[Edit::Trigger, Edit::LoseStatus]);

    a_paused_predecessor_does_no_harm_to_a_scheduled_take_over: 2_600, [FenceSecret, RecordTakeOver]
        = settled(spec().replacing().scheduled()).pauses(1).waits(2).edits(&[Edit::LoseStatus]);

    a_paused_predecessor_does_no_harm_to_a_revocation: 1_400, [PublishKey, DeleteToken]
        = settled(spec()).pauses(1).waits(1).edits(&[Edit::Trigger, Edit::Revoke]);

    a_paused_predecessor_does_no_harm_to_a_move: 750, [MoveSecret, DeleteSecret]
        = settled(spec()).pauses(1).waits(1).edits(&[Edit::Trigger, Edit::Rename]);

    a_paused_predecessor_does_no_harm_to_a_deletion: 480, [DeleteSecret, RemoveFinalizer]
        = settled(spec()).pauses(1).waits(1).edits(&[Edit::Trigger, Edit::DeleteObject]);
}
