#version 300 es
precision highp float;
precision highp int;
uniform highp sampler2D at;
uniform vec4 camera;
uniform vec4 knobs;
uniform vec2 size;
layout(location = 0) in uvec2 dot_;
flat out uint look;
flat out float radius;
out vec2 off;
void main() {
  look = dot_.y | (float(dot_.x) == knobs.y ? 64u : 0u);
  radius = knobs.x * ((look & 4u) != 0u ? 1.35 : 1.0);
  if ((look & 92u) != 0u) radius = max(radius, 3.5 * camera.w);
  float reach = radius * 1.25 + ((look & 88u) != 0u ? 9.0 : 2.0) * camera.w;
  vec2 p = texelFetch(at, ivec2(dot_.x & 1023u, dot_.x >> 10), 0).xy;
  off = vec2((gl_VertexID & 1) * 2 - 1, (gl_VertexID >> 1) * 2 - 1) * reach;
  gl_Position = vec4(((p - camera.xy) * camera.z + off) / size * vec2(2, -2), 0, 1);
}
