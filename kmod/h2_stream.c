// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * HTTP/2 streams (RFC 9113 5): which frame may come in which state, and the windows.
 */
#include "h2.h"

void l7fp_h2_ids_open(struct l7fp_h2_ids *ids, u32 id)
{
	u32 step = (id - ids->last) / 2;

	if (ids->last && step < 64) {
		ids->opened <<= step;
		ids->reset <<= step;
	} else {
		/* The first one has id 1 or more: all below were skipped. */
		ids->opened = 0;
		ids->reset = 0;
	}
	ids->last = id;
	ids->opened |= 1;
}

/* The bit of @id, at most @ids->last; 0 when it is too old. */
static u64 bit_of(const struct l7fp_h2_ids *ids, u32 id)
{
	u32 step = (ids->last - id) / 2;

	return step < 64 ? 1ULL << step : 0;
}

void l7fp_h2_ids_reset(struct l7fp_h2_ids *ids, u32 id)
{
	if (id <= ids->last)
		ids->reset |= bit_of(ids, id);
}

/* Streams that we open are odd when the peer is a server, and those of a client are odd, too. */
static bool is_idle(const struct l7fp_h2_ids *ids, u32 id)
{
	return !(id & 1) || id > ids->last;
}

static enum l7fp_h2_judgement bad(enum l7fp_h2_judgement how, u32 *code, u32 value)
{
	*code = value;
	return how;
}

static enum l7fp_h2_judgement judge_headers(const struct l7fp_h2_ids *ids, u32 id, u32 *code)
{
	u64 bit;

	if (!(id & 1) || (!ids->server && id > ids->last))
		return bad(L7FP_H2_BAD_CONNECTION, code, L7FP_H2_PROTOCOL_ERROR);
	if (id > ids->last)
		return L7FP_H2_OPEN;
	bit = bit_of(ids, id);
	if (!ids->server || (ids->reset & bit))
		return L7FP_H2_IGNORE;
	/* RFC 9113 5.1.1: a number that was passed over cannot be used any more. */
	if (bit && !(ids->opened & bit))
		return bad(L7FP_H2_BAD_CONNECTION, code, L7FP_H2_PROTOCOL_ERROR);
	return bad(L7FP_H2_BAD_CONNECTION, code, L7FP_H2_STREAM_CLOSED);
}

enum l7fp_h2_judgement l7fp_h2_judge(const struct l7fp_h2_ids *ids,
				     const struct l7fp_h2_stream *s, u32 id, u8 type,
				     bool end_stream, u32 *code)
{
	*code = L7FP_H2_NO_ERROR;
	if (s) {
		if (type != L7FP_H2_T_DATA && type != L7FP_H2_T_HEADERS)
			return L7FP_H2_OK;
		if (s->recv_end)
			return bad(L7FP_H2_BAD_STREAM, code, L7FP_H2_STREAM_CLOSED);
		/* RFC 9113 8.1: data follows a final head; trailers end the stream. */
		if (type == L7FP_H2_T_DATA ? !s->heads : s->heads && !end_stream)
			return bad(L7FP_H2_BAD_STREAM, code, L7FP_H2_PROTOCOL_ERROR);
		return L7FP_H2_OK;
	}
	if (type == L7FP_H2_T_HEADERS)
		return judge_headers(ids, id, code);
	if (is_idle(ids, id))
		return bad(L7FP_H2_BAD_CONNECTION, code, L7FP_H2_PROTOCOL_ERROR);
	if (type != L7FP_H2_T_DATA || !ids->server || (ids->reset & bit_of(ids, id)))
		return L7FP_H2_IGNORE;
	return bad(L7FP_H2_BAD_STREAM, code, L7FP_H2_STREAM_CLOSED);
}

bool l7fp_h2_window_add(s64 *window, s64 change)
{
	if (*window + change > L7FP_H2_MAX_WINDOW)
		return false;
	*window += change;
	return true;
}

u32 l7fp_h2_data(struct l7fp_h2_stream *s, u32 flow)
{
	if (s->recv_window < 0 || flow > (u32)s->recv_window)
		return L7FP_H2_FLOW_CONTROL_ERROR;
	s->recv_window -= flow;
	return 0;
}

u32 l7fp_h2_content(struct l7fp_h2_stream *s, u32 len)
{
	if (!s->has_length)
		return 0;
	if (len > s->length)
		return L7FP_H2_PROTOCOL_ERROR;
	s->length -= len;
	return 0;
}

u32 l7fp_h2_end(struct l7fp_h2_stream *s)
{
	s->recv_end = 1;
	return s->has_length && s->length ? L7FP_H2_PROTOCOL_ERROR : 0;
}
