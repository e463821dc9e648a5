// SPDX-License-Identifier: GPL-2.0-only
/*
 * From the files on a command line to a translated policy.
 */
#include <string.h>
#include <time.h>
#include "policy_files.h"
#include "proxy.h"

static double now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1e3 + t.tv_nsec / 1e6;
}

static int read_as(struct policy_files *files, char *const *path, size_t n, bool for_proxy,
		   const struct translate_view *view)
{
	double start = now_ms();
	int err = 0;
	size_t i;

	memset(files, 0, sizeof(*files));
	files->docs = documents_new();
	files->diag = diag_new();
	files->verdicts = verdicts_new();
	for (i = 0; i < n; i++)
		if (documents_read(files->docs, path[i], files->diag))
			err = -1;
	if (!err && for_proxy)
		files->ir = translate_for_proxy(files->docs, files->diag, files->verdicts, view);
	else if (!err && view)
		files->ir = translate_for_workload(files->docs, files->diag, files->verdicts,
						   view);
	else if (!err)
		files->ir = translate(files->docs, files->diag, files->verdicts);
	files->translate_ms = now_ms() - start;
	return files->ir ? 0 : -1;
}

int policy_files_read(struct policy_files *files, char *const *path, size_t n)
{
	return read_as(files, path, n, false, NULL);
}

int policy_files_read_for_proxy(struct policy_files *files, char *const *path, size_t n,
				const struct translate_view *view)
{
	return read_as(files, path, n, true, view);
}

int policy_files_read_for_workload(struct policy_files *files, char *const *path, size_t n,
				   const struct translate_view *view)
{
	return read_as(files, path, n, false, view);
}

int policy_files_token(char *const *path, size_t n, const struct translate_view *view,
		       char *token, size_t size)
{
	char text[PROXY_TOKEN_LEN] = "";
	struct policy_files files;
	int err;

	err = policy_files_read_for_proxy(&files, path, n, view);
	if (!err)
		proxy_token(files.ir, text);
	policy_files_free(&files);
	snprintf(token, size, "%s", text);
	return err;
}

void policy_files_explain(const struct policy_files *files, FILE *out)
{
	diag_print(files->diag, out, DIAG_WARNING);
	verdicts_print(files->verdicts, out, VERDICT_INVALID);
}

void policy_files_free(struct policy_files *files)
{
	if (files->ir)
		ir_free(files->ir);
	if (files->verdicts)
		verdicts_free(files->verdicts);
	if (files->diag)
		diag_free(files->diag);
	if (files->docs)
		documents_free(files->docs);
	memset(files, 0, sizeof(*files));
}
