// SPDX-License-Identifier: GPL-2.0-only
/*
 * Messages to the module's netlink family, as a process with CAP_NET_ADMIN may
 * send them: the module's own handlers and dumps, on the kernel's parser, with
 * the rest of the module replaced by tools/fuzz/kernel/stubs.c.
 *
 * An input is a sequence of messages for one network namespace. Its first byte
 * says which allocation fails. A message is a command (with DUMP_FLAG, a dump)
 * and attributes (attributes.h).
 */
#include "kernel/stubs.h"
#include "attributes.h"

#define DUMP_FLAG	0x80
#define MAX_MESSAGE	65536

#define CHECK(x)                                                                    \
	do {                                                                        \
		if (!(x)) {                                                         \
			fprintf(stderr, "%s:%d: not true: %s\n", __FILE__, __LINE__, #x); \
			__builtin_trap();                                           \
		}                                                                   \
	} while (0)

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct l7fp_net ln;
/* L7FP_FUZZ_SHOW=1: print what is answered to each message of an input. */
static bool show;

static void check_address(const struct sockaddr_storage *address)
{
	CHECK(address->ss_family == AF_INET || address->ss_family == AF_INET6);
}

static void check_listener(const struct l7fp_listener_config *c)
{
	CHECK(memchr(c->name, '\0', sizeof(c->name)));
	check_address(&c->address);
	CHECK(c->protocol < __L7FP_PROTOCOL_MAX);
	CHECK(!(c->flags & ~L7FP_LISTENER_FLAGS_ALL));
	CHECK(c->path_mode <= L7FP_PATH_DECODE_AND_MERGE_SLASHES);
	CHECK((c->cluster == ~0U) == (c->protocol == L7FP_PROTOCOL_HTTP) || c->cluster == ~0U);
	CHECK(c->head_timeout_ms && c->idle_timeout_ms && c->detect_timeout_ms);
}

static void check_cluster(const struct l7fp_cluster *cluster)
{
	const struct l7fp_cluster_config *c = &cluster->config;
	const struct l7fp_endpoint_set *set = cluster->endpoints;
	u32 i;

	CHECK(memchr(c->name, '\0', sizeof(c->name)));
	CHECK(c->lb < __L7FP_LB_MAX && c->kind < __L7FP_CLUSTER_KIND_MAX);
	CHECK(!set || set->n <= L7FP_MAX_ENDPOINTS);
	for (i = 0; set && i < set->n; i++) {
		check_address(&set->pick[i]->config.address);
		CHECK(((struct sockaddr_in *)&set->pick[i]->config.address)->sin_port);
	}
}

/* Reads every byte, so that the sanitizer sees one that is not there. */
static void check_str(const struct l7fp_str *s, u32 limit)
{
	u32 i;

	CHECK(s->len <= limit && (!s->len || s->data));
	for (i = 0; i < s->len; i++)
		READ_ONCE(*(const volatile u8 *)&s->data[i]);
}

static void check_ops(const struct l7fp_header_ops *ops)
{
	u32 i;

	CHECK(ops->n <= L7FP_MAX_HEADER_OPS);
	for (i = 0; i < ops->n; i++) {
		const struct l7fp_header_op *op = &ops->op[i];

		CHECK(op->kind < __L7FP_HEADER_OP_MAX);
		CHECK(l7fp_header_name_valid(op->name.data, op->name.len));
		CHECK(op->lower.len == op->name.len);
		CHECK(!l7fp_header_reserved(op->lower.data, op->lower.len));
		CHECK(l7fp_header_value_valid(op->value.data, op->value.len));
		CHECK((op->kind == L7FP_HEADER_REMOVE) == !op->value.data);
	}
}

static void check_route(const struct l7fp_route *r)
{
	u32 i, end = 0;

	CHECK(r->kind < __L7FP_ROUTE_KIND_MAX && r->rewrite_kind < __L7FP_REWRITE_MAX);
	CHECK((r->kind == L7FP_ROUTE_FORWARD) == !!r->n_clusters);
	CHECK(r->n_clusters <= L7FP_MAX_ROUTE_CLUSTERS);
	for (i = 0; i < r->n_clusters; i++) {
		CHECK(r->clusters[i].weight_end >= end && r->clusters[i].weight_end <= S32_MAX);
		end = r->clusters[i].weight_end;
		check_ops(&r->clusters[i].request);
		check_ops(&r->clusters[i].response);
	}
	CHECK(r->kind != L7FP_ROUTE_REDIRECT || (r->status >= 300 && r->status <= 399));
	CHECK(r->kind != L7FP_ROUTE_DIRECT || (r->status >= 200 && r->status <= 599));
	CHECK(!r->rewrite_path.len || l7fp_path_valid(r->rewrite_path.data, r->rewrite_path.len));
	CHECK(!r->redirect_path.len ||
	      l7fp_path_valid(r->redirect_path.data, r->redirect_path.len));
	check_str(&r->name, L7FP_MAX_NAME);
	check_str(&r->rewrite_authority, L7FP_MAX_NAME);
	check_str(&r->redirect_authority, L7FP_MAX_NAME);
	check_str(&r->redirect_scheme, 5);
	check_str(&r->body, L7FP_MAX_BODY);
	check_ops(&r->request);
	check_ops(&r->response);
}

static void check_generation(const struct l7fp_generation *g)
{
	bool sealed = g->state != L7FP_GENERATION_BUILDING;
	u32 i;

	CHECK(g->number);
	CHECK(g->memory <= L7FP_MAX_GENERATION);
	CHECK(g->n_slots <= L7FP_MAX_SLOTS && g->n_strings <= L7FP_MAX_STRINGS);
	CHECK(g->n_routes <= L7FP_MAX_ROUTES && g->n_rules <= L7FP_MAX_RULES);
	for (i = 0; i < g->n_slots; i++) {
		CHECK(!sealed || g->slots[i].name.len);
		check_str(&g->slots[i].name, L7FP_MAX_NAME);
		CHECK(!g->slots[i].name.data || g->slots[i].kind < __L7FP_SLOT_KIND_MAX);
	}
	for (i = 0; i < g->n_strings; i++) {
		CHECK(!sealed || g->strings[i].data);
		check_str(&g->strings[i], L7FP_MAX_STRING);
	}
	for (i = 0; i < g->n_rules; i++) {
		CHECK(!sealed || g->rules[i].name.data);
		check_str(&g->rules[i].name, L7FP_MAX_NAME);
	}
	for (i = 0; i < g->n_routes; i++) {
		CHECK(!sealed || (g->routes[i].set && g->routes[i].id == i));
		if (g->routes[i].set)
			check_route(&g->routes[i]);
	}
}

static void check_all(void)
{
	struct l7fp_generation *g;
	u32 i, listeners = 0, clusters = 0, generations = 0;

	CHECK(!ln.lock.locked && !fuzz_sockets);
	for (i = 0; i < XA_PLACES; i++) {
		if (ln.listeners.entry[i]) {
			struct l7fp_listener *listener = ln.listeners.entry[i];

			check_listener(&listener->config);
			listeners++;
		}
		if (ln.clusters.entry[i]) {
			check_cluster(ln.clusters.entry[i]);
			clusters++;
		}
	}
	list_for_each_entry(g, &ln.generations, list) {
		check_generation(g);
		generations++;
	}
	CHECK(listeners == ln.n_listeners && clusters == ln.n_clusters);
	CHECK(generations == ln.n_generations && generations <= L7FP_MAX_GENERATIONS);
}

/* Bytes behind a name's end are not part of it. */
#define CLEAN_NAME(name) memset((name) + strlen(name), 0, sizeof(name) - strlen(name))

/* What is shown can be given back, and means the same. */
static void check_shown(const struct nlmsghdr *nlh)
{
	const struct genlmsghdr *header = nlmsg_data(nlh);
	struct nlattr *tb[L7FP_A_MAX + 1];
	struct netlink_ext_ack extack = {};

	CHECK(nlh->nlmsg_len >= NLMSG_HDRLEN + GENL_HDRLEN);
	CHECK(!__nlmsg_parse(nlh, GENL_HDRLEN, tb, L7FP_A_MAX, NULL, NL_VALIDATE_LIBERAL, NULL));
	if (header->cmd == L7FP_CMD_LISTENER_GET) {
		struct l7fp_listener_config config = {};
		struct l7fp_listener *listener;

		CHECK(tb[L7FP_A_LISTENER]);
		CHECK(!l7fp_parse_listener(tb[L7FP_A_LISTENER], &config, &extack));
		listener = xa_load(&ln.listeners, config.id);
		CHECK(listener);
		CLEAN_NAME(listener->config.name);
		CHECK(!memcmp(&listener->config, &config, sizeof(config)));
	} else if (header->cmd == L7FP_CMD_CLUSTER_GET) {
		struct l7fp_cluster_config config = {};
		struct l7fp_cluster *cluster;

		CHECK(tb[L7FP_A_CLUSTER]);
		CHECK(!l7fp_parse_cluster(tb[L7FP_A_CLUSTER], &config, &extack));
		cluster = l7fp_cluster_find(&ln, config.id);
		CHECK(cluster);
		CLEAN_NAME(cluster->config.name);
		CHECK(!config.tls == !cluster->tls);
		CHECK(!config.tls || (nla_len(config.tls) == (int)cluster->tls->len &&
				      !memcmp(nla_data(config.tls), cluster->tls->data,
					      cluster->tls->len)));
		config.tls = NULL;
		CHECK(!memcmp(&cluster->config, &config, sizeof(config)));
	}
}

static void on_reply(struct sk_buff *skb)
{
	check_shown((struct nlmsghdr *)skb->data);
}

static const struct genl_split_ops *find_op(u8 cmd, u8 flag)
{
	u32 i;

	for (i = 0; i < l7fp_genl_family.n_split_ops; i++)
		if (l7fp_genl_family.split_ops[i].cmd == cmd &&
		    l7fp_genl_family.split_ops[i].flags & flag)
			return &l7fp_genl_family.split_ops[i];
	return NULL;
}

/* As netlink_dump() calls it, with buffers of @size bytes. */
static void dump(const struct genl_split_ops *op, struct genl_info *info, u32 size)
{
	struct genl_dumpit_info dumpit = { .op = *op, .info = *info };
	struct sock sk = { .net = &init_net };
	struct netlink_callback cb = { .data = &dumpit, .nlh = info->nlhdr };
	struct sk_buff request = {};
	int n, calls = 0;

	cb.skb = &request;
	do {
		struct sk_buff *skb = alloc_skb(size, 0);
		u32 at = 0;

		if (!skb)
			return;
		skb->sk = &sk;
		n = op->dumpit(skb, &cb);
		while (at < skb->len) {
			const struct nlmsghdr *nlh = (struct nlmsghdr *)(skb->data + at);

			check_shown(nlh);
			at += NLMSG_ALIGN(nlh->nlmsg_len);
		}
		CHECK(at == skb->len);
		kfree_skb(skb);
		CHECK(++calls < 10000);
	} while (n > 0);
	CHECK(!n || n == -EMSGSIZE || n == -ENOMEM);
}

static void message(struct input *in)
{
	static u8 attributes[MAX_MESSAGE];
	struct nlattr *tb[L7FP_A_MAX + 1] = {};
	struct netlink_ext_ack extack = {};
	const struct genl_split_ops *op;
	struct genl_info info = {};
	struct nlmsghdr *nlh;
	u8 cmd = take(in);
	u32 size = 0, len;
	int err;

	if (cmd & DUMP_FLAG)
		size = 64 + 32 * take(in);
	len = build(in, attributes, sizeof(attributes));
	op = find_op(cmd & ~DUMP_FLAG, cmd & DUMP_FLAG ? GENL_CMD_CAP_DUMP : GENL_CMD_CAP_DO);
	if (!op)
		return;
	/* Of its very size, so that the sanitizer guards its end. */
	nlh = malloc(NLMSG_HDRLEN + GENL_HDRLEN + len);
	*nlh = (struct nlmsghdr){ .nlmsg_len = NLMSG_HDRLEN + GENL_HDRLEN + len, .nlmsg_seq = 1 };
	info.genlhdr = nlmsg_data(nlh);
	*info.genlhdr = (struct genlmsghdr){ .cmd = op->cmd, .version = L7FP_GENL_VERSION };
	memcpy((u8 *)nlh + NLMSG_HDRLEN + GENL_HDRLEN, attributes, len);
	info.family = &l7fp_genl_family;
	info.nlhdr = nlh;
	info.attrs = tb;
	info.extack = &extack;
	genl_info_net_set(&info, &init_net);
	CHECK(op->maxattr <= L7FP_A_MAX);
	err = __nlmsg_parse(nlh, GENL_HDRLEN, tb, op->maxattr, op->policy, NL_VALIDATE_STRICT,
			    &extack);
	if (!err && cmd & DUMP_FLAG) {
		dump(op, &info, size);
	} else if (!err) {
		err = op->doit(NULL, &info);
		CHECK(err <= 0 && err >= -4095);
	}
	if (show)
		fprintf(stderr, "command %u%s: %d %s\n", op->cmd, cmd & DUMP_FLAG ? " dump" : "", err,
			extack._msg ? extack._msg : "");
	CHECK(!extack._msg || strnlen(extack._msg, NETLINK_MAX_FMTMSG_LEN) < NETLINK_MAX_FMTMSG_LEN ||
	      extack._msg != extack._msg_buf);
	free(nlh);
	check_all();
}

static void end(void)
{
	struct l7fp_generation *g, *next;
	unsigned long id = 0;

	while (xa_find(&ln.listeners, &id, ULONG_MAX))
		l7fp_listener_delete(&ln, id);
	for (id = 0; xa_find(&ln.clusters, &id, ULONG_MAX);)
		l7fp_cluster_delete(&ln, id);
	list_for_each_entry_safe(g, next, &ln.generations, list)
		l7fp_generation_free(g);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc, (void)argv;
	show = getenv("L7FP_FUZZ_SHOW");
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };
	int i;

	memset(&ln, 0, sizeof(ln));
	INIT_LIST_HEAD(&ln.generations);
	INIT_LIST_HEAD(&ln.downstreams);
	ln.net = &init_net;
	init_net.l7fp = &ln;
	fuzz_reply = on_reply;
	fuzz_sockets = 0;
	fuzz_draining = false;
	fuzz_fail_at = take(&in);
	for (i = 0; in.left && i < 64; i++)
		message(&in);
	fuzz_fail_at = 0;
	end();
	return 0;
}
