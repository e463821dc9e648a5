/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The kernel's half of a decision, for unit tests: an exchange whose fields a
 * program reads, and kfuncs that do with it what those of the module do.
 */
#ifndef L7FP_POLICY_MOCK_H
#define L7FP_POLICY_MOCK_H

#include "codec.h"
#include "context.h"
#include "bpf_interpreter.h"

#define MOCK_HEADERS	128
#define MOCK_BUFFERS	32

struct mock_header {
	char *name, *value;
};

struct mock {
	struct l7fp_exchange x;
	struct l7fp_connection conn;
	struct bpf_machine machine;
	const struct tables *tables;
	uint32_t pick;
	uint32_t reason, status;	/* of a local answer */
	unsigned int allowed;		/* calls of l7fp_allow() */
	bool has_host;
	char *path, *host, *authority, *method;
	size_t path_len, query;
	size_t n_buffers;
	uint64_t *buffer[MOCK_BUFFERS];	/* what l7fp_field() returned */
	size_t n_headers;
	struct mock_header header[MOCK_HEADERS];
};

/* False when the request is refused before a policy sees it (400). */
bool mock_init(struct mock *mock, const struct ir_request *request, uint32_t path_mode,
	       const struct tables *tables, uint32_t pick);
/* The verdict; @wrong: what the program did that the verifier would refuse, or NULL. */
uint32_t mock_run(struct mock *mock, const struct synth_program *program, const char **wrong);
/* What the connect op returns for a connection of that protocol; 0 without one. */
uint32_t mock_run_connect(struct mock *mock, const struct synth_program *program,
			  uint32_t protocol, const char **wrong);
void mock_free(struct mock *mock);

#endif /* L7FP_POLICY_MOCK_H */
