//! The object goes.

use super::super::edits::Edit;
use super::super::scenarios::{applied, settled, spec};
use super::stories;

stories! {
    a_deletion_at_any_moment_leaves_nothing: 6_900, [ListTokens, DeleteToken, DeleteSecret, RemoveFinalizer]
        = applied(spec()).faults(1).minutes(2).waits(1).edits(&[Edit::DeleteObject]);

    a_deletion_during_a_rotation_leaves_nothing: 2_900, [DeleteToken, DeleteSecret, RemoveFinalizer]
        = settled(spec()).faults(1).crashes(1).waits(1).edits(&[Edit::Trigger, Edit::DeleteObject]);

    what_is_retained_stays_whole: 2_800, [MarkRetained, RemoveFinalizer]
        = settled(spec().retaining().replacing()).faults(1).crashes(1).waits(1)
            .edits(&[Edit::Trigger, Edit::DeleteObject]);
}
