/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _SHIM_LINUX_LIST_SORT_H
#define _SHIM_LINUX_LIST_SORT_H

#include <linux/list.h>

typedef int (*list_cmp_func_t)(void *priv, const struct list_head *a,
			       const struct list_head *b);

/* A stable merge sort, as the kernel's: halves, each sorted by itself. */
static inline void list_sort(void *priv, struct list_head *head,
			     list_cmp_func_t cmp)
{
	struct list_head *half = head, *end = head, left, right;

	if (list_empty(head) || head->next == head->prev)
		return;
	do {
		half = half->next;
		end = end->next->next;
	} while (end != head && end->next != head);
	INIT_LIST_HEAD(&left);
	INIT_LIST_HEAD(&right);
	while (!list_empty(head)) {
		end = head->next;
		list_move_tail(end, half ? &left : &right);
		if (end == half)
			half = NULL;
	}
	list_sort(priv, &left, cmp);
	list_sort(priv, &right, cmp);
	while (!list_empty(&left) && !list_empty(&right))
		list_move_tail(cmp(priv, left.next, right.next) > 0 ?
			       right.next : left.next, head);
	while (!list_empty(&left))
		list_move_tail(left.next, head);
	while (!list_empty(&right))
		list_move_tail(right.next, head);
}

#endif /* _SHIM_LINUX_LIST_SORT_H */
