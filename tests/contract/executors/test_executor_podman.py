"""The same rooms in Podman: of the contract, what an engine has a part in."""

from tests.contract.executors.conftest import PODMAN
from tests.contract.executors.test_executor_adoption import (
    test_a_job_whose_watcher_was_killed_goes_on_and_is_read_to_its_end as test_a_job_goes_on_unwatched,
)
from tests.contract.executors.test_executor_images import (
    test_a_name_that_is_no_image_is_bad_input,
    test_a_program_that_shell_names_and_the_image_lacks_is_a_named_error,
    test_an_image_that_is_not_there_is_named,
    test_steps_gain_no_privilege,
    test_steps_run_as_the_number_that_the_image_names,
    test_steps_run_as_the_user_that_the_image_names,
)

KINDS = [PODMAN]

__all__ = [
    "test_a_job_goes_on_unwatched",
    "test_a_name_that_is_no_image_is_bad_input",
    "test_a_program_that_shell_names_and_the_image_lacks_is_a_named_error",
    "test_an_image_that_is_not_there_is_named",
    "test_steps_gain_no_privilege",
    "test_steps_run_as_the_number_that_the_image_names",
    "test_steps_run_as_the_user_that_the_image_names",
]
