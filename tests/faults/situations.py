"""Rows 48, 50, 51, 54 and 56 to 58: faults of token stores, Redis and the command line, and secrets in tracebacks."""

from faults.table import Situation

SITUATIONS: list[Situation] = [
    Situation(
        number=48,
        situation="the token file is a bind mount, its disk is full, its file system has no modes",
        holds="a file that cannot be replaced is written in place; any other problem is found before the refresh token "
        "is spent",
        tests=(
            "token_stores/test_mounts.py::test_a_token_is_renewed_in_a_file_that_can_t_be_replaced",
            "token_stores/test_mounts.py::test_a_full_disk_is_found_before_the_refresh_token_is_spent",
            "token_stores/test_mounts.py::test_a_full_disk_leaves_the_old_tokens_in_a_file_that_can_t_be_replaced",
            "token_stores/test_mounts.py::test_a_limit_of_file_sizes_is_found_before_the_refresh_token_is_spent",
            "token_stores/test_mounts.py::test_a_file_system_without_modes_or_owners_is_named_while_saving",
        ),
    ),
    Situation(
        number=50,
        situation="the lock of a token is lost in the middle of a renewal",
        holds="the new token is saved and used, and nobody has to sign in again",
        tests=(
            (
                "token_stores/test_redis_lock.py::"
                "test_a_lock_that_is_lost_in_the_middle_of_a_renewal_makes_nobody_sign_in_again"
            ),
            (
                "token_stores/test_redis_lock.py::"
                "test_a_token_is_renewed_and_saved_even_if_another_process_takes_the_lock_meanwhile"
            ),
            "token_stores/test_redis_lock.py::test_a_renewal_is_finished_without_redis",
        ),
    ),
    Situation(
        number=51,
        situation="the tokens of many users expire at once",
        holds="their renewals share the connections of the client, no more are opened, and other users' calls find one",
        tests=(
            "oauth/test_many_renewals.py::test_renewals_go_over_the_connections_of_the_client",
            (
                "oauth/test_many_renewals.py::"
                "test_apps_without_a_client_share_connections_between_their_requests_and_close_them"
            ),
            "oauth/test_many_renewals.py::test_calls_of_other_users_do_not_wait_for_renewals",
        ),
    ),
    Situation(
        number=54,
        situation="a Redis Cluster; many users at once on a Redis that is well",
        holds="the budget and the tokens of a user are on one node; waiting for a connection of the own process is no "
        "failure of Redis",
        tests=(
            "test_redis_cluster.py::test_each_user_s_budget_is_on_one_node_and_all_nodes_are_used",
            "test_redis_cluster.py::test_tokens_and_their_locks_are_kept",
            "rate_limits/test_redis.py::test_more_users_than_connections_are_served",
            "rate_limits/test_redis.py::test_waiting_for_a_connection_of_its_own_is_no_failure_of_redis",
        ),
    ),
    Situation(
        number=56,
        situation="a code without state comes to the callback of a sign-in",
        holds="it is refused, or used only after the user has confirmed the account",
        tests=(
            "cli/test_login.py::test_without_a_terminal_a_code_without_a_state_is_refused",
            "cli/test_login_paste.py::test_without_a_terminal_a_code_without_the_state_is_refused",
            (
                "cli/test_login_process.py::"
                "test_in_a_terminal_a_code_of_somebody_else_is_shown_and_refused_and_the_browser_still_awaited"
            ),
            (
                "cli/test_login_process.py::"
                "test_in_a_terminal_the_user_can_confirm_an_account_if_the_service_returns_no_state"
            ),
        ),
    ),
    Situation(
        number=57,
        situation="an error tracker sends the local variables of a traceback",
        holds="none of them shows a secret",
        tests=(
            "test_tracebacks.py::test_no_tool_shows_a_secret_in_the_traceback_of_a_call",
            "test_tracebacks.py::test_no_tool_shows_a_secret_in_the_traceback_of_a_sign_in",
            "test_tracebacks.py::test_no_tool_shows_a_secret_in_the_traceback_of_a_timeout_of_the_callers",
            "test_tracebacks.py::test_no_tool_shows_a_secret_beside_a_wrong_argument",
            "test_tracebacks.py::test_no_tool_shows_what_was_for_a_redis_that_fails",
            "test_tracebacks.py::test_the_tools_show_local_variables",
        ),
    ),
    Situation(
        number=58,
        situation="Ctrl+C while a command writes",
        holds="it prints what was carried out, what was not, and what is unknown",
        tests=(
            "cli/test_interrupt.py::test_ctrl_c_while_an_increment_is_in_flight_prints_that_it_was_added",
            "cli/test_interrupt.py::test_ctrl_c_while_an_increment_is_in_flight_prints_that_its_outcome_is_unknown",
            "cli/test_interrupt.py::test_ctrl_c_before_an_increment_is_sent_prints_that_nothing_was_added",
            "cli/test_interrupt.py::test_ctrl_c_while_a_write_is_in_flight_prints_the_outcome_that_still_arrives",
            "cli/test_interrupt.py::test_a_second_ctrl_c_ends_a_write_at_once_and_says_that_items_may_have_been_sent",
        ),
    ),
]
