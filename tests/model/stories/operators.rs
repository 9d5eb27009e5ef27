//! A second operator: the leader is paused right before a write, another one leads, and the first wakes up again.

use super::super::edits::Edit;
use super::super::scenarios::{applied, settled, spec};
use super::stories;

stories! {
    a_paused_predecessor_does_no_harm_to_a_create: 10_000, [PublishKey, AbandonAttempt]
        = applied(spec()).faults(1).pauses(1).minutes(1).waits(1);

    a_paused_predecessor_does_no_harm_to_a_reset: 9_600, [PublishKey, FenceSecret]
        = settled(spec()).faults(1).pauses(1).minutes(1).waits(1).edits(&[Edit::Trigger]);

    a_paused_predecessor_does_no_harm_to_a_replacement: 1_700, [PublishKey, FenceSecret, RecordRetirement]
        = settled(spec().replacing()).faults(1).pauses(1).waits(1).edits(&[Edit::Trigger]);

    a_paused_predecessor_does_no_harm_to_a_take_over: 1_400, [RecordTakeOver]
        = settled(spec()).pauses(1).waits(1).edits(&[Edit::Role, Edit::LoseStatus]);

    a_paused_predecessor_does_no_harm_to_a_move: 750, [MoveSecret, DeleteSecret]
        = settled(spec()).pauses(1).waits(1).edits(&[Edit::Trigger, Edit::Rename]);

    a_paused_predecessor_does_no_harm_to_a_deletion: 480, [DeleteSecret, RemoveFinalizer]
        = settled(spec()).pauses(1).waits(1).edits(&[Edit::Trigger, Edit::DeleteObject]);
}
