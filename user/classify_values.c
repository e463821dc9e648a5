// SPDX-License-Identifier: GPL-2.0-only
/* What the checks of all kinds share. */
#include "classify_rules.h"
#include "schema.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static void markv(struct node_arena *arena, struct node *node, enum node_verdict verdict,
		  const char *format, va_list args)
{
	char text[1024];

	vsnprintf(text, sizeof(text), format, args);
	node_mark(node, verdict, node_printf(arena, "%s", text));
}

void mark_invalid(struct node_arena *arena, struct node *node, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	markv(arena, node, NODE_INVALID, format, args);
	va_end(args);
}

void mark_slow(struct node_arena *arena, struct node *node, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	markv(arena, node, NODE_SLOW_PATH, format, args);
	va_end(args);
}

size_t node_count(const struct node *node)
{
	return node ? node->n : 0;
}

bool too_many_names(struct node_arena *arena, struct node *list)
{
	if (node_count(list) <= CLASSIFY_MAX_NAMES)
		return false;
	mark_invalid(arena, list, "more than %d items; split the document", CLASSIFY_MAX_NAMES);
	return true;
}

static bool labels_valid(const char *host)
{
	size_t label = 0, i, n = strlen(host);

	if (!n || n > 255)
		return false;
	if (host[n - 1] == '.')
		n--;
	for (i = 0; i < n; i++) {
		unsigned char c = (unsigned char)host[i];

		if (c == '.') {
			if (!label || host[i - 1] == '-')
				return false;
			label = 0;
		} else if (isalnum(c) || (c == '-' && label)) {
			if (++label > 63)
				return false;
		} else {
			return false;
		}
	}
	return label && host[n - 1] != '-';
}

bool parse_address(const char *text, bool prefix, uint32_t addr[4], uint32_t *bits)
{
	char copy[INET6_ADDRSTRLEN + 8], *slash, *end;
	struct in6_addr six;
	struct in_addr four;
	unsigned long n;

	if (strlen(text) >= sizeof(copy))
		return false;
	strcpy(copy, text);
	slash = strchr(copy, '/');
	if (slash && !prefix)
		return false;
	if (slash)
		*slash++ = '\0';
	if (inet_pton(AF_INET, copy, &four) == 1) {
		addr[0] = addr[1] = 0;
		addr[2] = htonl(0xffff);
		memcpy(&addr[3], &four, 4);
		*bits = 128;
		n = 96;
	} else if (inet_pton(AF_INET6, copy, &six) == 1) {
		memcpy(addr, &six, 16);
		*bits = 128;
		n = 0;
	} else {
		return false;
	}
	if (slash) {
		unsigned long want;

		if (!isdigit((unsigned char)*slash))
			return false;
		want = strtoul(slash, &end, 10);
		if (*end || want > 128 - n)
			return false;
		*bits = (uint32_t)(want + n);
	}
	return true;
}

bool host_valid(const char *host, bool wildcard, bool address)
{
	uint32_t addr[4], bits;

	if (wildcard && !strcmp(host, "*"))
		return true;
	if (wildcard && !strncmp(host, "*.", 2))
		host += 2;
	return labels_valid(host) || (address && parse_address(host, false, addr, &bits));
}

bool header_name_valid(const char *name)
{
	if (!*name)
		return false;
	for (; *name; name++)
		if (!isalnum((unsigned char)*name) && !strchr("!#$%&'*+-.^_`|~", *name))
			return false;
	return true;
}

bool header_value_valid(const char *value)
{
	for (; *value; value++)
		if (((unsigned char)*value < 0x20 && *value != '\t') || *value == 0x7f)
			return false;
	return true;
}

bool header_is_authority(const char *name)
{
	return !strcasecmp(name, "host") || !strcasecmp(name, ":authority");
}

void classify_export_to(struct node_arena *arena, const struct node *spec)
{
	struct node *list = node_get(spec, "exportTo");
	size_t i;

	for (i = 0; i < node_count(list); i++) {
		const char *s = node_string(list->child[i]);

		if (s && strcmp(s, "*"))
			mark_slow(arena, list->child[i],
				  "exportTo other than \"*\" needs the namespace of the caller, which the kernel does not know yet");
	}
}

static void check_address(struct node_arena *arena, struct node *n)
{
	uint32_t addr[4], bits;
	const char *s = node_string(n);

	if (s && !parse_address(s, false, addr, &bits))
		mark_invalid(arena, n, "\"%.100s\" is no IP address", s);
}

static void check_addresses(struct node_arena *arena, const struct node *list)
{
	size_t i;

	for (i = 0; list && list->kind == NODE_LIST && i < list->n; i++)
		check_address(arena, list->child[i]);
}

void classify_input(struct node_arena *arena, struct document *d)
{
	struct node *spec = node_get(d->root, "spec"), *list, *n;
	size_t i, j;

	if (!strcmp(d->kind, "Service")) {
		const char *type = node_string(node_get(spec, "type"));

		n = node_get(spec, "clusterIP");
		if (n && node_string(n) && strcmp(n->text, "None") && *n->text)
			check_address(arena, n);
		list = node_get(spec, "ports");
		if (!node_count(list) && (!type || strcmp(type, "ExternalName")))
			mark_invalid(arena, spec ? spec : d->root,
				     "a Service needs ports");
		for (i = 0; i < node_count(list); i++)
			if (!node_get(list->child[i], "port"))
				mark_invalid(arena, list->child[i], "a port needs a \"port\" number");
	} else if (!strcmp(d->kind, "EndpointSlice")) {
		const char *type = node_string(node_get(d->root, "addressType"));

		list = node_get(d->root, "endpoints");
		for (i = 0; i < node_count(list); i++)
			if (!type || strcmp(type, "FQDN"))
				check_addresses(arena, node_get(list->child[i], "addresses"));
	} else if (!strcmp(d->kind, "Endpoints")) {
		list = node_get(d->root, "subsets");
		for (i = 0; i < node_count(list); i++) {
			n = node_get(list->child[i], "addresses");
			for (j = 0; j < node_count(n); j++) {
				struct node *ip = node_get(n->child[j], "ip");

				if (ip)
					check_address(arena, ip);
			}
		}
	} else if (!strcmp(d->kind, "Workload")) {
		check_addresses(arena, node_get(d->root, "addresses"));
		check_addresses(arena, node_get(spec, "addresses"));
	}
}
