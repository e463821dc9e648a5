/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * HTTP/2 codec (RFC 9113): frames, states of streams, windows, and the rules for field sections.
 *
 * Plain C, as h1: bytes and a state in, events out. The reader copies frame heads and the payloads
 * of control frames, each byte once, so that they may lie in pages that their sender can still
 * change; of DATA and header blocks it says where they are.
 */
#ifndef L7FP_H2_H
#define L7FP_H2_H

#include "hpack.h"

#define L7FP_H2_PREFACE "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
#define L7FP_H2_PREFACE_LEN 24
#define L7FP_H2_FRAME_HEAD 9
/* What we take: RFC 9113 6.5.2's default; and so the most that we send. */
#define L7FP_H2_MAX_FRAME 16384
#define L7FP_H2_MAX_WINDOW 0x7fffffff
#define L7FP_H2_DEFAULT_WINDOW 65535

enum l7fp_h2_type {
	L7FP_H2_T_DATA = 0,
	L7FP_H2_T_HEADERS = 1,
	L7FP_H2_T_PRIORITY = 2,
	L7FP_H2_T_RST_STREAM = 3,
	L7FP_H2_T_SETTINGS = 4,
	L7FP_H2_T_PUSH_PROMISE = 5,
	L7FP_H2_T_PING = 6,
	L7FP_H2_T_GOAWAY = 7,
	L7FP_H2_T_WINDOW_UPDATE = 8,
	L7FP_H2_T_CONTINUATION = 9,
};

#define L7FP_H2_F_END_STREAM 0x01
#define L7FP_H2_F_ACK 0x01
#define L7FP_H2_F_END_HEADERS 0x04
#define L7FP_H2_F_PADDED 0x08
#define L7FP_H2_F_PRIORITY 0x20

/* RFC 9113 7. */
enum l7fp_h2_code {
	L7FP_H2_NO_ERROR = 0,
	L7FP_H2_PROTOCOL_ERROR = 1,
	L7FP_H2_INTERNAL_ERROR = 2,
	L7FP_H2_FLOW_CONTROL_ERROR = 3,
	L7FP_H2_SETTINGS_TIMEOUT = 4,
	L7FP_H2_STREAM_CLOSED = 5,
	L7FP_H2_FRAME_SIZE_ERROR = 6,
	L7FP_H2_REFUSED_STREAM = 7,
	L7FP_H2_CANCEL = 8,
	L7FP_H2_COMPRESSION_ERROR = 9,
	L7FP_H2_CONNECT_ERROR = 10,
	L7FP_H2_ENHANCE_YOUR_CALM = 11,
	L7FP_H2_INADEQUATE_SECURITY = 12,
	L7FP_H2_HTTP_1_1_REQUIRED = 13,
};

enum l7fp_h2_setting {
	L7FP_H2_S_HEADER_TABLE_SIZE = 1,
	L7FP_H2_S_ENABLE_PUSH = 2,
	L7FP_H2_S_MAX_CONCURRENT_STREAMS = 3,
	L7FP_H2_S_INITIAL_WINDOW_SIZE = 4,
	L7FP_H2_S_MAX_FRAME_SIZE = 5,
	L7FP_H2_S_MAX_HEADER_LIST_SIZE = 6,
};

/**
 * enum l7fp_h2_event - what l7fp_h2_read() found
 * @L7FP_H2_MORE: all bytes were consumed
 * @L7FP_H2_HEADERS: a field block begins on @stream; @end_stream. @code other than 0: the frame
 *	is a stream error of that code, and the block has to be decoded all the same
 * @L7FP_H2_BLOCK: @len bytes of that block begin at p + @off
 * @L7FP_H2_BLOCK_END: the block is complete
 * @L7FP_H2_DATA_BEGIN: a DATA frame on @stream, which counts @value bytes against the windows
 * @L7FP_H2_DATA: @len bytes of its data begin at p + @off
 * @L7FP_H2_DATA_END: it is complete; @end_stream
 * @L7FP_H2_RST_STREAM: of @stream, with @code
 * @L7FP_H2_SETTING: @id has @value, which is allowed
 * @L7FP_H2_SETTINGS_END: all were told; an acknowledgment is due
 * @L7FP_H2_SETTINGS_ACK: ours were applied
 * @L7FP_H2_PING: @data is to be sent back
 * @L7FP_H2_PING_ACK: our @data came back
 * @L7FP_H2_GOAWAY: streams above @value were not processed; @code
 * @L7FP_H2_WINDOW_UPDATE: of @stream or (0) the connection, by @value
 * @L7FP_H2_IGNORED: a frame that says nothing to us: PRIORITY, an unknown type
 * @L7FP_H2_STREAM_ERROR: @stream is in error with @code
 * @L7FP_H2_ERROR: the connection is, with @code and @why; every later call says so too
 */
enum l7fp_h2_event_kind {
	L7FP_H2_MORE,
	L7FP_H2_HEADERS,
	L7FP_H2_BLOCK,
	L7FP_H2_BLOCK_END,
	L7FP_H2_DATA_BEGIN,
	L7FP_H2_DATA,
	L7FP_H2_DATA_END,
	L7FP_H2_RST_STREAM,
	L7FP_H2_SETTING,
	L7FP_H2_SETTINGS_END,
	L7FP_H2_SETTINGS_ACK,
	L7FP_H2_PING,
	L7FP_H2_PING_ACK,
	L7FP_H2_GOAWAY,
	L7FP_H2_WINDOW_UPDATE,
	L7FP_H2_IGNORED,
	L7FP_H2_STREAM_ERROR,
	L7FP_H2_ERROR,
};

struct l7fp_h2_event {
	u32 stream;
	u32 code;
	u32 value;
	u32 off, len;
	u16 id;
	u8 end_stream;
	u8 data[8];
	const char *why;		/* of an error, for GOAWAY's debug data */
};

/**
 * struct l7fp_h2_reader - progress through what a peer sends
 * @left: bytes of the frame's payload still to come, padding included
 * @pad: of them padding
 * @block_stream: stream of the field block under way, 0: none is
 * @block_len: its bytes so far
 * @block_frames: its CONTINUATION frames so far
 * @error: enum l7fp_h2_code, sticky; @why likewise
 * @server: the peer is a client: it begins with the preface
 */
struct l7fp_h2_reader {
	u8 state;
	u8 fill;
	u8 type;
	u8 flags;
	u32 stream;
	u32 left;
	u32 pad;
	u32 block_stream;
	u32 block_len;
	u16 block_frames;
	u8 block_end_stream;
	u8 error;
	u8 server : 1;
	u8 first : 1;			/* no frame came yet: SETTINGS must */
	u8 buf[24];
	const char *why;
};

/**
 * l7fp_h2_reader_init() - a new connection
 * @r: the reader
 * @server: the peer is a client
 */
void l7fp_h2_reader_init(struct l7fp_h2_reader *r, bool server);

/**
 * l7fp_h2_reader_preface() - the preface came already, and was recognised as such
 * @r: the reader, just initialised, of a client's bytes
 */
void l7fp_h2_reader_preface(struct l7fp_h2_reader *r);

/**
 * l7fp_h2_read() - the next event in what a peer sent
 * @r: the reader
 * @p: bytes, beginning where the last call left off
 * @len: how many
 * @used: set to how many belong to what was found; with L7FP_H2_BLOCK and L7FP_H2_DATA this
 *	includes the range that the event names
 * @e: the event
 *
 * An event may be found with no byte used, so call until it answers L7FP_H2_MORE.
 */
enum l7fp_h2_event_kind l7fp_h2_read(struct l7fp_h2_reader *r, const u8 *p, u32 len, u32 *used,
				     struct l7fp_h2_event *e);

/**
 * l7fp_h2_detect() - does a connection with these first bytes speak HTTP/2
 * @p: they
 * @len: how many
 *
 * Return: L7FP_H2_PREFACE_LEN, L7FP_H1_MORE, or L7FP_H1_ERR_BAD: it does not.
 */
int l7fp_h2_detect(const u8 *p, u32 len);

/* Frames to be sent. Each returns the bytes written at @p. */
u32 l7fp_h2_put_head(u8 *p, u32 len, u8 type, u8 flags, u32 stream);
u32 l7fp_h2_put_setting(u8 *p, u16 id, u32 value);
u32 l7fp_h2_put_ping(u8 *p, bool ack, const u8 data[8]);
u32 l7fp_h2_put_rst_stream(u8 *p, u32 stream, u32 code);
u32 l7fp_h2_put_window_update(u8 *p, u32 stream, u32 increment);
/* @debug: at most 64 bytes, or NULL. */
u32 l7fp_h2_put_goaway(u8 *p, u32 last_stream, u32 code, const char *debug);
#define L7FP_H2_GOAWAY_MAX (L7FP_H2_FRAME_HEAD + 8 + 64)

/**
 * struct l7fp_h2_stream - a stream that is open in at least one direction
 * @id: its number
 * @recv_end: the peer sent END_STREAM
 * @sent_end: we did
 * @reset: RST_STREAM was sent or received
 * @has_length: content-length said how long the data is
 * @heads: a final head came: what follows is data and trailers
 * @send_window: what we may send; negative after SETTINGS made it smaller
 * @recv_window: what the peer may send
 * @length: bytes of data still to come, with @has_length
 */
struct l7fp_h2_stream {
	u32 id;
	u8 recv_end : 1;
	u8 sent_end : 1;
	u8 reset : 1;
	u8 has_length : 1;
	u8 heads : 1;
	s32 recv_window;
	s64 send_window;
	u64 length;
};

/**
 * struct l7fp_h2_ids - which streams a connection has had
 * @server: the peer opens streams; else we do
 * @last: the highest that was opened
 * @opened: bit i: the one 2 * i below @last was
 * @reset: bit i: we have reset that one: frames that were under way are no error
 */
struct l7fp_h2_ids {
	bool server;
	u32 last;
	u64 opened;
	u64 reset;
};

/* What to do with a frame. */
enum l7fp_h2_judgement {
	L7FP_H2_OK,
	L7FP_H2_OPEN,			/* HEADERS: a new stream */
	L7FP_H2_IGNORE,			/* it was under way when we reset the stream */
	L7FP_H2_BAD_STREAM,		/* stream error; *code */
	L7FP_H2_BAD_CONNECTION,		/* connection error; *code */
};

/* Notes that stream @id, higher than all before, was opened. */
void l7fp_h2_ids_open(struct l7fp_h2_ids *ids, u32 id);
/* Notes that we have reset it. */
void l7fp_h2_ids_reset(struct l7fp_h2_ids *ids, u32 id);

/**
 * l7fp_h2_judge() - is a frame allowed in the state of its stream (RFC 9113 5.1)
 * @ids: of the connection
 * @s: the stream, or NULL when it is not open
 * @id: its number, not 0
 * @type: DATA, HEADERS, RST_STREAM or WINDOW_UPDATE
 * @end_stream: END_STREAM is set
 * @code: set to enum l7fp_h2_code of an error
 */
enum l7fp_h2_judgement l7fp_h2_judge(const struct l7fp_h2_ids *ids,
				     const struct l7fp_h2_stream *s, u32 id, u8 type,
				     bool end_stream, u32 *code);

/* Adds to a window that is ours to send by. False: it would be too large (RFC 9113 6.9.1). */
bool l7fp_h2_window_add(s64 *window, s64 change);

/**
 * l7fp_h2_data() - counts received data
 * @s: the stream
 * @flow: bytes that count against its window
 *
 * Return: 0, or the code of a stream error.
 */
u32 l7fp_h2_data(struct l7fp_h2_stream *s, u32 flow);
/* Counts @len bytes of content; 0, or PROTOCOL_ERROR where content-length says other. */
u32 l7fp_h2_content(struct l7fp_h2_stream *s, u32 len);
/* The peer's end: 0, or PROTOCOL_ERROR where content-length says that more comes. */
u32 l7fp_h2_end(struct l7fp_h2_stream *s);

enum l7fp_h2_section {
	L7FP_H2_REQUEST,
	L7FP_H2_RESPONSE,
	L7FP_H2_TRAILERS,
};

/**
 * l7fp_h2_head() - what a decoded field section says, by the rules of RFC 9113 8
 * @h: @h->headers and @h->n_headers are @list's; all else is set here. Afterwards the entries of
 *	pseudo-header fields are gone, and Cookie is one entry (RFC 9113 8.2.3)
 * @list: the decoded fields; @list->info goes along with @h->headers
 * @section: enum l7fp_h2_section
 * @end_stream: nothing follows
 * @request_method: enum l7fp_method, of a response
 *
 * Policies read @h and @list->buf as they read a head of HTTP/1.1, but there is no line around
 * a field: l7fp_h1_line_len() is of no use. Of a request @h->host is -1: Host is @h->authority.
 *
 * Return: 0, L7FP_H1_ERR_BAD: malformed (RFC 9113 8.1.1), L7FP_H1_ERR_TOO_LARGE, or
 *	L7FP_H1_ERR_NOT_IMPLEMENTED: CONNECT.
 */
int l7fp_h2_head(struct l7fp_h1_head *h, struct l7fp_hpack_list *list,
		 enum l7fp_h2_section section, bool end_stream, u8 request_method);

#endif /* L7FP_H2_H */
