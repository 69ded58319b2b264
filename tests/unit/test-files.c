/* SPDX-License-Identifier: Apache-2.0 */
#include "nv/files.h"

#include "test.h"

TEST(class_names_are_found_and_all_is_not_one)
{
	CHECK_INT(nv_class_of(STR("compute")), NV_CLASS_COMPUTE);
	CHECK_INT(nv_class_of(STR("video")), NV_CLASS_VIDEO);
	CHECK_INT(nv_class_of(STR("all")), 0);
	CHECK_INT(nv_class_of(STR("Compute")), 0);
	CHECK_INT(nv_class_of(STR("")), 0);
}

TEST(names_of_a_set_come_in_alphabetical_order)
{
	AUTO(strbuf_done) struct strbuf b = {0};

	nv_class_names(NV_CLASS_UTILITY | NV_CLASS_COMPUTE, &b);
	CHECK_STR(b.p, "compute,utility");
	strbuf_reset(&b);
	nv_class_names(NV_CLASS_ALL, &b);
	CHECK_STR(b.p, "compat32,compute,display,graphics,ngx,utility,video");
	strbuf_reset(&b);
	nv_class_names(0, &b);
	CHECK_INT(b.n, 0);
}

TEST(a_library_is_known_by_what_stands_before_so)
{
	CHECK_STR(nv_known_library_of(STR("libcuda.so.580.159.04"))->name, "libcuda");
	CHECK_STR(nv_known_library_of(STR("libcuda.so"))->name, "libcuda");
	CHECK_STR(nv_known_library_of(STR("libnvidia-nvvm70.so.4"))->name, "libnvidia-nvvm70");
	CHECK_STR(nv_known_library_of(STR("libnvidia-nvvm.so.4"))->name, "libnvidia-nvvm");
	CHECK(!nv_known_library_of(STR("libcuda.sox.1")));
	CHECK(!nv_known_library_of(STR("libnvidia-future.so.999.1")));
	CHECK(!nv_known_library_of(STR("libcuda")));
	CHECK(!nv_known_library_of(STR("")));
}

TEST(no_library_stands_in_the_table_twice)
{
	for (size_t i = 0; i < nv_known_library_count; i++)
		for (size_t k = 0; k < i; k++)
			CHECK(strcmp(nv_known_libraries[i].name, nv_known_libraries[k].name) != 0);
}

TEST(every_row_has_a_class)
{
	for (size_t i = 0; i < nv_known_library_count; i++)
		CHECK(nv_known_libraries[i].classes != 0);
	for (size_t i = 0; i < nv_known_binary_count; i++)
		CHECK(nv_known_binaries[i].classes != 0);
	for (size_t i = 0; i < nv_known_config_count; i++)
		CHECK(nv_known_configs[i].classes != 0);
}

/* C lets a string that fills its array go without the end. */
#define CHECK_ENDS(text) CHECK(memchr((text), '\0', sizeof(text)))

TEST(every_text_of_the_tables_ends)
{
	for (size_t i = 0; i < nv_known_library_count; i++)
		CHECK_ENDS(nv_known_libraries[i].name);
	for (size_t i = 0; i < nv_known_binary_count; i++)
		CHECK_ENDS(nv_known_binaries[i].name);
	for (size_t i = 0; i < nv_known_socket_count; i++)
		CHECK_ENDS(nv_known_sockets[i].name);
	for (size_t i = 0; i < nv_known_config_count; i++) {
		CHECK_ENDS(nv_known_configs[i].name);
		CHECK_ENDS(nv_known_configs[i].to);
	}
	for (size_t i = 0; i < nv_known_xorg_count; i++)
		CHECK_ENDS(nv_known_xorgs[i].name);
	for (size_t i = 0; i < nv_known_link_count; i++) {
		CHECK_ENDS(nv_known_links[i].library);
		CHECK_ENDS(nv_known_links[i].target);
		CHECK_ENDS(nv_known_links[i].path);
	}
	for (size_t i = 0; i < nv_library_dir_count; i++)
		CHECK_ENDS(nv_library_dirs[i].path);
	for (size_t i = 0; i < nv_control_node_count; i++)
		CHECK_ENDS(nv_control_nodes[i].path);
}

/* A container that asks for compute and utility must get what libnvidia-container gave it. */
TEST(compute_has_the_libraries_of_the_original_class)
{
	static const char names[][32] = {"libcuda.so.1",
					 "libcudadebugger.so.1",
					 "libnvidia-opencl.so.1",
					 "libnvidia-gpucomp.so.1",
					 "libnvidia-ptxjitcompiler.so.1",
					 "libnvidia-allocator.so.1",
					 "libnvidia-pkcs11.so.1",
					 "libnvidia-pkcs11-openssl3.so.1",
					 "libnvidia-nvvm.so.4",
					 "libnvidia-tileiras.so.1"};

	for (size_t i = 0; i < COUNT_OF(names); i++) {
		CHECK(nv_known_library_of(str_of(names[i]))->classes & NV_CLASS_COMPUTE);
		CHECK(nv_known_library_of(str_of(names[i]))->classes & NV_CLASS_VIDEO);
	}
}
