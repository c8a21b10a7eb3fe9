"""Rules for training with differential privacy, and for how long data is kept: what weakens a promise that was made to people.

Invariant: a bound that is a number is compared with what it was, and only a bound that promises nothing is found by itself.
"""

from __future__ import annotations

from typing import Final

from privet.check.rule import Example
from privet.check.rules.python import file_of
from privet.check.rules.row import DATA, SAFE, TRAINING, WEAKER, argument, env, flag, key, read_by
from privet.check.values import above, false, filled, lowered, raised

PRIVATE: Final = (
    *read_by("opacus", "python package opacus 1.6.0: opacus/privacy_engine.py",
        argument("dp-noise-multiplier", "*.make_private(noise_multiplier)", lowered(), TRAINING, WEAKER, "",
            "less noise hides each person less", hit="0.4", miss="1.1", remedy="keep the noise"),
        argument("dp-target-epsilon", "*.make_private_with_epsilon(target_epsilon)", above(10), TRAINING, WEAKER, "",
            "a larger epsilon promises less to each person", hit="50.0", miss="3.0",
            remedy="keep epsilon below 10"),
        argument("dp-target-delta", "*.make_private_with_epsilon(target_delta)", above(0.001), TRAINING, WEAKER, "",
            "a larger delta is a larger chance that the promise fails", hit="0.01", miss="1e-6",
            remedy="keep delta below one over the number of people"),
        argument("dp-max-grad-norm", "*.make_private(max_grad_norm) *.make_private_with_epsilon(max_grad_norm)", raised(), TRAINING,
            WEAKER, "", "each person may change the model more", hit="10.0", miss="1.0",
            remedy="keep the bound"),
        argument("dp-secure-mode", "opacus.PrivacyEngine(secure_mode)", false(), TRAINING, WEAKER, "True",
            "noise that can be guessed hides nobody", hit="False"),
        argument("dp-poisson-sampling", "*.make_private(poisson_sampling) *.make_private_with_epsilon(poisson_sampling)", false(),
            TRAINING, SAFE, "True", "the promise is computed for samples that are not taken", hit="False"),
        argument("dp-fixed-noise", "*.make_private(noise_generator) *.make_private_with_epsilon(noise_generator)", filled(), TRAINING,
            SAFE, "None", "noise from a known seed hides nobody",
            **file_of("import torch\nfrom opacus import PrivacyEngine\n\nengine = PrivacyEngine()\n"
            "engine.make_private(noise_generator=torch.Generator(), noise_multiplier=1.1)\n",
                "from opacus import PrivacyEngine\n\nengine = PrivacyEngine()\nengine.make_private(noise_multiplier=1.1)\n"))),
    *read_by("python", "documentation opacus.ai/docs/faq",
        key("dp-noise-multiplier-config", "*.noise_multiplier *.dp_noise_multiplier", lowered(), TRAINING, WEAKER, "",
            "less noise hides each person less", hit="0.4", miss="1.1", remedy="keep the noise"),
        key("dp-epsilon-config", "*.target_epsilon *.dp_epsilon *.epsilon_budget *.per_example_max_epsilon", above(10), TRAINING, WEAKER,
            "", "a larger epsilon promises less to each person", hit="50", miss="3",
            remedy="keep epsilon below 10"),
        key("dp-delta-config", "*.target_delta *.dp_delta", above(0.001), TRAINING, WEAKER, "",
            "a larger delta is a larger chance that the promise fails", hit="0.01", miss="1e-6",
            remedy="keep delta below one over the number of people"),
        key("dp-max-grad-norm-config", "*.dp_max_grad_norm *.max_per_sample_grad_norm *.clip_norm", raised(), TRAINING, WEAKER, "",
            "each person may change the model more", hit="10.0", miss="1.0", remedy="keep the bound"),
        key("dp-enabled-config", "*.use_dp *.use_differential_privacy *.differential_privacy *.differential_privacy.enabled "
            "*.dp_sgd *.use_dp_sgd",
            false(), TRAINING, WEAKER, "true", "the model can repeat what single people wrote", hit="false"),
        flag("dp-epsilon-flag", "--target-epsilon --target_epsilon --epsilon --dp-epsilon", above(10), TRAINING, WEAKER, "",
            "a larger epsilon promises less to each person",
            hit=Example("scripts/train.sh", "#!/bin/sh\npython train.py --target-epsilon 50\n"), miss=Example("scripts/train.sh",
            "#!/bin/sh\npython train.py --target-epsilon 3\n"), remedy="keep epsilon below 10"),
        flag("dp-noise-flag", "--noise-multiplier --noise_multiplier", lowered(), TRAINING, WEAKER, "",
            "less noise hides each person less",
            hit=Example("scripts/train.sh", "#!/bin/sh\npython train.py --noise-multiplier 0.4\n"), miss=Example("scripts/train.sh",
            "#!/bin/sh\npython train.py --noise-multiplier 1.1\n"), remedy="keep the noise")),
)  # fmt: skip

RETENTION: Final = read_by("python", "documentation docs/check.md",
    key("retention-days", "*.retention_days *.retentionDays *.retention-days *.log_retention_days *.retention_in_days "
        "*.data_retention_days", raised(), DATA, WEAKER, "",
        "what people write is kept for longer", hit="365", miss="30", remedy="keep the time"),
    env("retention-days-variable", "RETENTION_DAYS LOG_RETENTION_DAYS DATA_RETENTION_DAYS CHAT_RETENTION_DAYS PROMPT_RETENTION_DAYS",
        raised(), DATA, WEAKER, "", "what people write is kept for longer",
        hit="365", miss="30", remedy="keep the time"),
)  # fmt: skip

PROMISES: Final = (*PRIVATE, *RETENTION)
