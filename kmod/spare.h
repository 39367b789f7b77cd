/* SPDX-License-Identifier: GPL-2.0 */
/*
 * An object of a slab cache that each CPU keeps at hand. Who asks and answers
 * frees one for each that he takes: he gets the one that he has just given back,
 * which is in the CPU's cache still, and the allocator hears nothing of it.
 */
#ifndef _FP_SPARE_H
#define _FP_SPARE_H

#include <linux/percpu.h>
#include <linux/slab.h>

/* With KASAN, nothing is kept, so that all use of what was freed is seen. */
#define FP_SPARES	(!IS_ENABLED(CONFIG_KASAN))

/**
 * fp_spare_alloc - take the spare object of this CPU, or a new one
 * @cache: the slab cache
 * @spares: a per-CPU variable of void *, with spare objects of that cache only
 * @gfp: how to allocate
 *
 * Context: any but NMI.
 * Return: an object, whose contents are undefined; or NULL.
 */
static inline void *fp_spare_alloc(struct kmem_cache *cache,
				   void * __percpu *spares, gfp_t gfp)
{
	void *object = NULL;

	if (FP_SPARES)
		object = this_cpu_xchg(*spares, NULL);
	return object ?: kmem_cache_alloc(cache, gfp);
}

/**
 * fp_spare_free - give an object back, to be the spare one if there is none
 * @cache: the slab cache
 * @spares: as for fp_spare_alloc()
 * @object: from there
 *
 * Context: any but NMI.
 */
static inline void fp_spare_free(struct kmem_cache *cache,
				 void * __percpu *spares, void *object)
{
	if (!FP_SPARES || this_cpu_cmpxchg(*spares, NULL, object))
		kmem_cache_free(cache, object);
}

/**
 * fp_spare_drain - give all spare objects back to the allocator
 * @cache: the slab cache
 * @spares: as for fp_spare_alloc(); nobody uses them any more
 */
static inline void fp_spare_drain(struct kmem_cache *cache,
				  void * __percpu *spares)
{
	void **spare;
	int cpu;

	for_each_possible_cpu(cpu) {
		spare = per_cpu_ptr(spares, cpu);
		if (*spare)	/* not with KASAN */
			kmem_cache_free(cache, *spare);
		*spare = NULL;
	}
}

#endif /* _FP_SPARE_H */
