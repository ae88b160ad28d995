"""Parts of the evaluator: sets, predictors, measurement, reports and contact sheets."""
