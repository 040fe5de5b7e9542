#!/usr/bin/env bats
# The client on terminals and pipes: what ends or detaches it, exit codes, every byte. The scenarios are in client.py.

load helpers

setup_file() { setup_rootfs_once; }
setup() { setup_store; }
teardown() { teardown_store; }

scenario() { timeout 120 python3 "$BATS_TEST_DIRNAME/client.py" "$1"; }

@test "ctrl c goes to the container on a terminal" { scenario ctrl_c_goes_to_the_container_on_a_terminal; }
@test "ctrl c is passed on without a terminal of the containers" { scenario ctrl_c_is_passed_on_without_a_terminal_of_the_containers; }
@test "ctrl c on a terminal without input is passed on" { scenario ctrl_c_on_a_terminal_without_input_is_passed_on; }
@test "sigterm is passed on without a terminal" { scenario sigterm_is_passed_on_without_a_terminal; }
@test "other signals are passed on without a terminal" { scenario other_signals_are_passed_on_without_a_terminal; }
@test "real time signals are passed on without a terminal" { scenario real_time_signals_are_passed_on_without_a_terminal; }
@test "a signal at any moment leaves no container behind its client" { scenario a_signal_at_any_moment_leaves_no_container_behind_its_client; }
@test "the third request ends the client of a container that does not listen" { scenario the_third_request_ends_the_client_of_a_container_that_does_not_listen; }
@test "signals to the client of a terminal are the container's" { scenario signals_to_the_client_of_a_terminal_are_the_containers; }
@test "the third SIGTERM ends the client of a terminal and the container goes on" { scenario the_third_sigterm_ends_the_client_of_a_terminal_and_the_container_goes_on; }
@test "sigkill of the client leaves the container" { scenario sigkill_of_the_client_leaves_the_container; }
@test "signals reach a container whose output nobody reads" { scenario signals_reach_a_container_whose_output_nobody_reads; }
@test "a closed terminal ends the client and the container goes on" { scenario a_closed_terminal_ends_the_client_and_the_container_goes_on; }
@test "a closed terminal that ignores sighup is no end of input" { scenario a_closed_terminal_that_ignores_sighup_is_no_end_of_input; }
@test "a closed pipe ends the client and the container goes on" { scenario a_closed_pipe_ends_the_client_and_the_container_goes_on; }
@test "a closed pipe with sigpipe ignored is exit code 141" { scenario a_closed_pipe_with_sigpipe_ignored_is_exit_code_141; }
@test "a full disk behind standard output ends the client" { scenario a_full_disk_behind_standard_output_ends_the_client; }
@test "the end of input ends cat" { scenario the_end_of_input_ends_cat; }
@test "without i the input is empty" { scenario without_i_the_input_is_empty; }
@test "ctrl d ends input on a terminal" { scenario ctrl_d_ends_input_on_a_terminal; }
@test "a container that does not read its input ends all the same" { scenario a_container_that_does_not_read_its_input_ends_all_the_same; }
@test "closed streams are not mistaken for others" { scenario closed_streams_are_not_mistaken_for_others; }
@test "a hundred megabytes come back byte for byte" { scenario a_hundred_megabytes_come_back_byte_for_byte; }
@test "sums agree on both sides" { scenario sums_agree_on_both_sides; }
@test "output and errors stay apart" { scenario output_and_errors_stay_apart; }
@test "a terminal merges output and errors" { scenario a_terminal_merges_output_and_errors; }
@test "every byte comes through" { scenario every_byte_comes_through; }
@test "a slow reader loses nothing" { scenario a_slow_reader_loses_nothing; }
@test "a stopped client goes on where it was" { scenario a_stopped_client_goes_on_where_it_was; }
@test "a container ends though its client is stopped" { scenario a_container_ends_though_its_client_is_stopped; }
@test "the end is recorded though nobody reads the last words" { scenario the_end_is_recorded_though_nobody_reads_the_last_words; }
@test "the window size is there from the start" { scenario the_window_size_is_there_from_the_start; }
@test "a resized window is told to the container" { scenario a_resized_window_is_told_to_the_container; }
@test "a terminals modes are restored after a failed start" { scenario a_terminals_modes_are_restored_after_a_failed_start; }
@test "nothing of the caller leaks in" { scenario nothing_of_the_caller_leaks_in; }

@test "exit codes are the command's, or 128 and the signal's number" {
	local code
	for code in 0 1 2 100 124 125 126 127 128 129 254 255; do
		run --separate-stderr "-$code" tare run --rm "$ROOTFS" sh -c "exit $code"
	done
	for code in 1 2 6 9 11 15 31; do
		run --separate-stderr "-$((128 + code))" tare run --rm "$ROOTFS" sh -c "sh -c 'kill -$code \$\$'; exit \$?"
	done
	run --separate-stderr -137 tare run --rm "$ROOTFS" sh -c 'echo 1 >/proc/self/oom_score_adj; exec sh -c "kill -9 -1; exit 137"'
	run --separate-stderr -0 tare run --rm "$ROOTFS" sh -c "exit 256"
}
