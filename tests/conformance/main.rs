//! One list of cases that the fake cluster in memory and a real API server must agree on: what is proven on the fake holds on
//! Kubernetes.
#![expect(clippy::unwrap_used, reason = "helpers of tests may fail like tests")]

mod cases;
mod left_behind;
mod old_definitions;
mod stage;

/// Runs every case on both.
macro_rules! cases {
    ($($case:ident),+ $(,)?) => {
        mod on_the_fake {
            $(#[tokio::test]
            async fn $case() {
                crate::cases::$case(&crate::stage::Fake::new()).await;
            })+
        }

        mod on_kubernetes {
            $(#[tokio::test]
            async fn $case() {
                crate::cases::$case(&crate::stage::Kubernetes::stage(stringify!($case)).await).await;
            })+
        }
    };
}

cases! {
    a_create_writes_what_it_was_given,
    a_create_where_a_secret_exists_conflicts,
    a_rehearsed_create_changes_nothing,
    a_rehearsed_create_where_a_secret_exists_conflicts,
    a_rehearsed_apply_changes_nothing,
    an_apply_replaces_our_parts,
    an_apply_on_an_old_version_conflicts,
    an_apply_on_another_secret_of_that_name_conflicts,
    an_apply_on_a_secret_that_is_gone_conflicts,
    an_apply_leaves_what_others_wrote,
    an_apply_without_a_change_keeps_the_version,
    a_renamed_entry_takes_the_place_of_the_old_one,
    a_previous_entry_goes_when_it_is_no_longer_applied,
    labels_and_annotations_that_a_create_wrote_go_when_they_are_no_longer_wanted,
    an_annotation_is_set_beside_the_others,
    an_annotation_on_an_old_version_conflicts,
    an_annotation_on_another_secret_of_that_name_is_refused,
    an_annotation_on_a_secret_that_is_gone_says_so,
    an_annotation_goes_with_the_next_apply,
    a_delete_removes_the_secret_it_was_decided_on,
    a_delete_on_an_old_version_conflicts,
    a_delete_of_another_secret_of_that_name_conflicts,
    a_delete_of_a_secret_that_is_gone_is_done,
    a_status_is_replaced_on_the_version_that_was_read,
    a_status_on_an_old_version_conflicts,
    a_status_of_another_object_of_that_name_conflicts,
    a_status_of_an_object_that_is_gone_says_so,
    a_status_without_a_change_keeps_the_version,
    a_spec_in_a_status_write_is_ignored,
    the_finalizer_keeps_an_object_until_it_is_removed,
    the_finalizer_on_an_old_version_conflicts,
    no_finalizer_is_added_to_an_object_that_is_being_deleted,
    the_finalizer_of_an_object_that_is_gone_is_removed,
    other_finalizers_stay,
    a_status_of_an_account_is_replaced_on_the_version_that_was_read,
    a_status_of_another_account_of_that_name_conflicts,
    the_finalizer_keeps_an_account_until_it_is_removed,
    a_credential_is_the_entry_that_is_named,
    users_of_an_account_of_the_cluster_are_counted_wherever_they_are,
    a_lease_is_read_as_its_holder_left_it,
    a_terminating_namespace_takes_no_new_secret_but_lets_objects_go,
    a_namespace_tells_its_labels_and_one_that_is_missing_is_not_found,
    who_may_do_nothing_is_told_so,
}
