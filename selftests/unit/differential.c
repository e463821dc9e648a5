// SPDX-License-Identifier: GPL-2.0-only
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "differential.h"
#include "shrink.h"

#define MAX_DIFFERENCES	3
#define MAX_TRIES	3000	/* to make a case smaller */
#define PROGRESS_S	60

struct run {
	const struct differential *d;
	unsigned long cases, requests, refused, differences, policies;
	uint64_t seed;
	long only;		/* this request; -1: all of them */
	const char *cuts;
	uint32_t pick;
	time_t started, reported;
	struct outcomes outcomes;
	bool error;
};

static const char *options(struct run *run, int argc, char **argv)
{
	static const struct option known[] = {
		{ "cases", required_argument, NULL, 'c' },
		{ "requests", required_argument, NULL, 'n' },
		{ "seed", required_argument, NULL, 's' },
		{ "request", required_argument, NULL, 'r' },
		{ "cuts", required_argument, NULL, 'u' },
		{ 0 }
	};
	int c;

	while ((c = getopt_long(argc, argv, "", known, NULL)) != -1) {
		char *end = "";
		unsigned long long n = c != '?' && c != 'u' ? strtoull(optarg, &end, 0) : 0;

		if (c == '?' || *end)
			return "an option is unknown or has no number; differential.h has the list";
		switch (c) {
		case 'c':
			run->cases = n;
			break;
		case 'n':
			run->requests = n;
			break;
		case 's':
			run->seed = n;
			break;
		case 'r':
			run->only = (long)n;
			break;
		case 'u':
			run->cuts = optarg;
			break;
		}
	}
	if (!run->cases || !run->requests || (run->cuts && run->only < 0))
		return "expected --cases and --requests above 0, and --cuts only with --request";
	return NULL;
}

static bool still_fails(void *context, struct random_policy *r, const struct ir_request *q)
{
	struct run *run = context;

	return !run->d->policy(r) &&
	       run->d->ask(r, q, run->pick, NULL, false) == DIFFERENTIAL_DIFFERS;
}

/* The policy is used up: the cuts stay in it. */
static void report(struct run *run, struct random_policy *r, struct ir_request *q, uint64_t seed,
		   unsigned long index)
{
	size_t *cut, n;

	printf("# case: SEED=%llu REQUEST=%lu differs; making it smaller\n",
	       (unsigned long long)seed, index);
	n = shrink(r, q, still_fails, run, MAX_TRIES, &cut);
	print_policy(r->ir, r->cluster_id);
	print_request(q, run->pick);
	if (!run->d->policy(r))
		run->d->ask(r, q, run->pick, NULL, true);
	printf("# to repeat it: SEED=%llu REQUEST=%lu CUTS=%s", (unsigned long long)seed, index,
	       run->cuts ? run->cuts : "");
	for (size_t i = 0; i < n; i++)
		printf("%s%zu", i || run->cuts ? "," : "", cut[i]);
	printf("\n");
	free(cut);
}

/* What the option says; false when there is no such cut. */
static bool make_cuts(struct run *run, struct random_policy *r, struct ir_request *q)
{
	const char *p = run->cuts;
	char *end;

	while (p && *p) {
		if (!shrink_cut(r, q, strtoul(p, &end, 10), NULL) || end == p)
			return false;
		p = *end == ',' ? end + 1 : end;
	}
	return true;
}

static void progress(struct run *run)
{
	time_t now = time(NULL);

	if (now - run->reported < PROGRESS_S)
		return;
	run->reported = now;
	printf("# %lu cases, %lu differences, %ld s\n", run->outcomes.n, run->differences,
	       (long)(now - run->started));
}

/* False: it is over with this policy. */
static bool one_request(struct run *run, struct random_policy *r, uint64_t seed,
			unsigned long index)
{
	struct ir_request q;

	run->pick = random_request(r, &q, index);
	if (run->only >= 0) {
		if (!make_cuts(run, r, &q)) {
			printf("# CUTS: there is no such cut\n");
			run->error = true;
			return false;
		}
		if (run->d->policy(r)) {
			run->error = true;
			return false;
		}
	}
	switch (run->d->ask(r, &q, run->pick, &run->outcomes, false)) {
	case DIFFERENTIAL_AGREES:
		break;
	case DIFFERENTIAL_REFUSED:
		run->refused++;
		break;
	case DIFFERENTIAL_ERROR:
		run->error = true;
		return false;
	case DIFFERENTIAL_DIFFERS:
		run->differences++;
		report(run, r, &q, seed, index);
		return false;
	}
	return true;
}

static void one_policy(struct run *run, uint64_t seed)
{
	unsigned long first = run->only >= 0 ? (unsigned long)run->only : 0;
	unsigned long last = run->only >= 0 ? first + 1 : run->requests;
	struct random_policy r;

	random_policy(&r, seed);
	run->policies++;
	if (run->only < 0 && run->d->policy(&r)) {
		printf("# SEED=%llu: the policy cannot be put in force\n",
		       (unsigned long long)seed);
		run->error = true;
	}
	for (unsigned long i = first; i < last && !run->error; i++)
		if (!one_request(run, &r, seed, i))
			break;
	random_policy_free(&r);
}

const char *differential_run(const struct differential *d, int argc, char **argv,
			     const char **rare)
{
	struct run run = { .d = d, .cases = d->cases, .requests = d->requests, .seed = d->seed,
			   .only = -1 };
	const char *wrong = options(&run, argc, argv);

	*rare = NULL;
	if (wrong)
		return wrong;
	printf("# SEED=%llu\n", (unsigned long long)run.seed);
	run.started = run.reported = time(NULL);
	for (uint64_t seed = run.seed; !run.error && run.differences < MAX_DIFFERENCES; seed++) {
		one_policy(&run, seed);
		if (run.only >= 0 || run.outcomes.n >= run.cases)
			break;
		progress(&run);
	}
	outcome_print(&run.outcomes);
	printf("# %lu policies, %lu requests refused before, %ld s\n", run.policies, run.refused,
	       (long)(time(NULL) - run.started));
	if (run.only < 0)
		*rare = outcome_rare(&run.outcomes);
	if (run.refused > run.outcomes.n)
		*rare = "requests that a policy sees";
	if (run.error)
		return "nobody could be asked";
	return run.differences ? "see the cases above" : NULL;
}
